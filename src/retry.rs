//! Which failures are tried again, and when; how long connecting may take. Pure decisions, without a clock and without
//! randomness of their own.

use crate::error::Error;
use std::time::Duration;

/// The longest first wait; each further one is twice as long, up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);

/// How long to wait before the next attempt; `None` gives up.
///
/// `failures` counts the failed attempts, this one included; `left` is what is left of the timeout; `random` is in
/// `0.0..1.0`. The wait is drawn from the whole of the backoff (full jitter). A `Retry-After` is waited for in full, and
/// the jitter comes on top of it, over at least a quarter of it: clients told the same second must not come back as one.
pub(crate) fn wait(error: &Error, failures: u32, retries: u32, left: Duration, random: f64) -> Option<Duration> {
    // A timeout is transient for the caller, but it has used up this call.
    if failures > retries || !error.is_transient() || matches!(error, Error::Timeout { .. }) {
        return None;
    }
    let asked = match error {
        Error::Status { retry_after: Some(asked), .. } => *asked,
        _ => Duration::ZERO,
    };
    let room = left.checked_sub(asked).filter(|room| !room.is_zero())?;
    let backoff = FIRST.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST);
    Some(asked + backoff.max(asked / 4).min(room).mul_f64(random))
}

/// How long connecting may take when it begins for the `time`th time in an attempt, counted from 0; `None` where it has
/// failed. Nothing was sent until it succeeds, so it may begin anew.
///
/// The first is short, so that an address which swallows packets costs less than a second; the next lets a lost packet be
/// sent again; the last lets a slow line through.
pub(crate) fn connecting(time: u32, left: Duration, is_last_attempt: bool) -> Option<Duration> {
    let budget = match time {
        0 => FIRST_CONNECTING,
        1 => Duration::from_secs(4),
        2 if is_last_attempt => left,
        2 => left / 3,
        _ => return None,
    };
    Some(budget.min(left))
}

/// What connecting may take at first.
pub(crate) const FIRST_CONNECTING: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: Duration = Duration::from_secs(30);

    fn lost() -> Error {
        Error::Connection { url: String::new(), source: "lost".into() }
    }

    fn status(status: u16, retry_after: Option<u64>) -> Error {
        Error::Status {
            status,
            url: String::new(),
            message: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn only_transient_failures_are_tried_again_and_a_timeout_never() {
        let timeout = Error::Timeout { url: String::new(), timeout: LEFT, source: None };
        assert!(wait(&timeout, 1, 2, LEFT, 0.5).is_none());
        assert!(wait(&lost(), 1, 2, LEFT, 0.5).is_some());
        for code in 100..1000 {
            let again = matches!(code, 429 | 500 | 502 | 503 | 504);
            assert_eq!(wait(&status(code, None), 1, 2, LEFT, 0.5).is_some(), again, "{code}");
        }
    }

    #[test]
    fn it_gives_up_after_the_last_retry() {
        assert!(wait(&lost(), 2, 2, LEFT, 0.5).is_some());
        assert!(wait(&lost(), 3, 2, LEFT, 0.5).is_none());
        assert!(wait(&lost(), 1, 0, LEFT, 0.5).is_none());
        assert!(wait(&lost(), u32::MAX, u32::MAX, LEFT, 0.5).is_some());
    }

    #[test]
    fn the_backoff_doubles_up_to_ten_seconds_and_jitter_takes_any_part_of_it() {
        for (failures, longest) in [(1, 0.5), (2, 1.0), (3, 2.0), (5, 8.0), (6, 10.0), (40, 10.0)] {
            assert_eq!(wait(&lost(), failures, 99, LEFT, 0.0), Some(Duration::ZERO));
            assert_eq!(wait(&lost(), failures, 99, LEFT, 1.0), Some(Duration::from_secs_f64(longest)));
        }
    }

    #[test]
    fn a_wait_never_outlasts_what_is_left() {
        let left = Duration::from_millis(100);
        assert!(wait(&lost(), 5, 9, left, 0.999).unwrap() <= left);
        assert_eq!(wait(&lost(), 1, 2, Duration::ZERO, 0.5), None);
    }

    #[test]
    fn a_retry_after_is_waited_for_where_it_fits_and_ends_the_call_where_it_does_not() {
        assert_eq!(wait(&status(429, Some(7)), 1, 2, LEFT, 0.0), Some(Duration::from_secs(7)));
        let jittered = wait(&status(503, Some(29)), 1, 2, LEFT, 0.999).unwrap();
        assert!(jittered > Duration::from_secs(29) && jittered <= LEFT);
        assert_eq!(wait(&status(503, Some(30)), 1, 2, LEFT, 0.0), None);
        assert_eq!(wait(&status(503, Some(u64::MAX)), 1, 2, LEFT, 0.0), None);
        assert_eq!(wait(&status(404, Some(1)), 1, 2, LEFT, 0.0), None);
    }

    #[test]
    fn connecting_begins_anew_with_more_time_up_to_all_that_is_left_on_the_last_attempt() {
        let budgets = |left: u64, last| -> Vec<Option<u64>> {
            (0..4)
                .map(|time| connecting(time, Duration::from_secs(left), last).map(|budget| budget.as_secs()))
                .collect()
        };
        assert_eq!(budgets(30, false), [Some(1), Some(4), Some(10), None]);
        assert_eq!(budgets(30, true), [Some(1), Some(4), Some(30), None]);
        assert_eq!(budgets(0, true), [Some(0), Some(0), Some(0), None]);
        assert_eq!(budgets(3, false), [Some(1), Some(3), Some(1), None]);
    }

    /// A xorshift generator: the simulation has to be the same on every run.
    fn random(state: &mut u64) -> f64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        u32::try_from(*state >> 32).map(f64::from).unwrap() / 2f64.powi(32)
    }

    const RECOVERY: Duration = Duration::from_secs(20);

    /// 100,000 clients call once each, evenly over 40 seconds; the server is out for the first 20.
    /// Returns the requests in each second of time, and the largest number of requests of one client.
    fn simulate(failure: impl Fn(Duration) -> Error) -> (Vec<u32>, u32) {
        const CLIENTS: u32 = 100_000;
        let (mut seconds, mut most, mut state) = (vec![0; 80], 0, 0x9e37_79b9_7f4a_7c15);
        for client in 0..CLIENTS {
            let start = Duration::from_secs(40) * client / CLIENTS;
            let (mut now, mut sent) = (start, 0);
            loop {
                seconds[usize::try_from(now.as_secs()).unwrap()] += 1;
                sent += 1;
                if now >= RECOVERY {
                    break;
                }
                let left = (start + LEFT).saturating_sub(now);
                match wait(&failure(now), sent, 2, left, random(&mut state)) {
                    Some(pause) => now += pause,
                    None => break,
                }
            }
            most = most.max(sent);
        }
        (seconds, most)
    }

    #[test]
    fn a_hundred_thousand_clients_neither_hammer_an_outage_nor_return_from_it_as_one() {
        // Ordinary load is 2,500 requests a second, 2.5 % of the clients.
        let refused = simulate(|_| lost());
        // The hard case: the server tells all of them the same moment.
        let told = simulate(|now| status(503, Some(RECOVERY.saturating_sub(now).as_secs() + 1)));
        for (name, (seconds, most), share) in [("refused", refused, 5), ("told to come back", told, 25)] {
            let peak = seconds[20..].iter().max().copied().unwrap();
            println!(
                "{name}: {} requests, at most {most} per client, at most {peak} in one second after recovery",
                seconds.iter().sum::<u32>()
            );
            assert!(most <= 3, "{name}: {most} requests of one client");
            assert!(peak <= 100_000 * share / 100, "{name}: {peak} requests in one second, more than {share} %");
        }
    }
}
