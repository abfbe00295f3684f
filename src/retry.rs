//! When to retry, and how long connecting may take: pure functions of the time and a random number.

use crate::error::Error;
use std::time::Duration;

/// The longest wait before the first retry. It doubles with each further one, up to [`MAX_BACKOFF`].
const INITIAL_BACKOFF: Duration = Duration::from_millis(500);
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// The time for the first try to connect, and for the first to look a name up.
pub(crate) const INITIAL_TIMEOUT: Duration = Duration::from_secs(1);
/// How often an attempt tries to connect.
pub(crate) const MAX_CONNECTS: u32 = 3;
/// No retry begins with less time. ureq gives a whole second to connecting where none is left, which would outlast the
/// deadline.
const MIN_TIME: Duration = Duration::from_millis(100);

/// How long to wait before the next attempt; `None` if the error must not be retried, or too little time remains.
///
/// `failed` counts the failed attempts; the last one gave `error` and `took` so long. `remaining` is what is left of the
/// call's timeout; `random` is in `0.0..1.0`. The delay is drawn from the whole backoff (full jitter). A `Retry-After` is
/// waited for in full. The jitter is added to it, over at least a quarter of it: clients that were told the same second must
/// not return as one.
pub(crate) fn delay(
    error: &Error,
    took: Duration,
    failed: u32,
    remaining: Duration,
    random: f64,
) -> Option<Duration> {
    let retry_after = match error {
        // Transient for the caller, but it has used up this call.
        Error::Timeout { .. } => None,
        // A resolver that took longer has already asked again itself.
        Error::Lookup { .. } => (took < INITIAL_TIMEOUT).then_some(Duration::ZERO),
        Error::Status { retry_after, .. } if error.is_transient() => {
            Some(retry_after.unwrap_or_default())
        }
        error => error.is_transient().then_some(Duration::ZERO),
    }?;
    let slack = remaining
        .checked_sub(retry_after.saturating_add(MIN_TIME))
        .filter(|slack| !slack.is_zero())?;
    let backoff = INITIAL_BACKOFF
        .saturating_mul(2u32.saturating_pow(failed.saturating_sub(1)))
        .min(MAX_BACKOFF);
    Some(retry_after + backoff.max(retry_after / 4).min(slack).mul_f64(random))
}

/// How long the nth try to connect in an attempt may take, counted from 0. Nothing was sent until it succeeds, so it may be
/// repeated.
///
/// The first try is short: an address that drops packets costs less than a second. The second is long enough for a lost
/// packet to be sent again. The third lets a slow line through.
pub(crate) fn connect_timeout(
    try_index: u32,
    remaining: Duration,
    is_last_attempt: bool,
) -> Duration {
    let timeout = match try_index {
        0 => INITIAL_TIMEOUT,
        1 => Duration::from_secs(4),
        _ if is_last_attempt => remaining,
        _ => remaining / 3,
    };
    timeout.min(remaining)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REMAINING: Duration = Duration::from_secs(30);

    /// An error that comes at once, as the nth.
    fn delay(error: &Error, count: u32, remaining: Duration, random: f64) -> Option<Duration> {
        super::delay(error, Duration::ZERO, count, remaining, random)
    }

    fn lost() -> Error {
        Error::Connection {
            url: String::new(),
            source: "lost".into(),
        }
    }

    fn status(status: u16, retry_after: Option<u64>) -> Error {
        Error::Status {
            status,
            url: String::new(),
            message: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
            html: false,
        }
    }

    #[test]
    fn only_transient_failures_are_retried_and_a_timeout_never_is() {
        let timeout = Error::Timeout {
            url: String::new(),
            timeout: REMAINING,
            source: None,
        };
        assert!(delay(&timeout, 1, REMAINING, 0.5).is_none());
        assert!(delay(&lost(), 1, REMAINING, 0.5).is_some());
        for code in 100..1000 {
            let expected = matches!(code, 429 | 500 | 502 | 503 | 504);
            assert_eq!(
                delay(&status(code, None), 1, REMAINING, 0.5).is_some(),
                expected,
                "{code}"
            );
        }
    }

    #[test]
    fn the_backoff_doubles_up_to_ten_seconds_and_jitter_takes_any_part_of_it() {
        for (failures, longest) in [
            (1, 0.5),
            (2, 1.0),
            (3, 2.0),
            (5, 8.0),
            (6, 10.0),
            (u32::MAX, 10.0),
        ] {
            assert_eq!(
                delay(&lost(), failures, REMAINING, 0.0),
                Some(Duration::ZERO)
            );
            assert_eq!(
                delay(&lost(), failures, REMAINING, 1.0),
                Some(Duration::from_secs_f64(longest))
            );
        }
    }

    #[test]
    fn a_retry_begins_with_a_tenth_of_a_second_left_or_not_at_all() {
        let millis = Duration::from_millis;
        assert_eq!(delay(&lost(), 5, millis(300), 1.0), Some(millis(200)));
        assert_eq!(delay(&lost(), 1, millis(101), 1.0), Some(millis(1)));
        assert_eq!(delay(&lost(), 1, millis(100), 0.5), None);
        assert_eq!(delay(&lost(), 1, Duration::ZERO, 0.5), None);
        assert_eq!(delay(&status(503, Some(7)), 1, millis(7_100), 0.5), None);
    }

    #[test]
    fn a_retry_after_is_waited_for_where_it_fits_and_ends_the_call_where_it_does_not() {
        assert_eq!(
            delay(&status(429, Some(7)), 1, REMAINING, 0.0),
            Some(Duration::from_secs(7))
        );
        let jittered = delay(&status(503, Some(29)), 1, REMAINING, 0.999).unwrap();
        assert!(jittered > Duration::from_secs(29) && jittered <= REMAINING);
        // A quarter of it is spread, and no more.
        let spread = delay(&status(503, Some(8)), 1, REMAINING, 1.0);
        assert_eq!(spread, Some(Duration::from_secs(10)));
        assert_eq!(delay(&status(503, Some(30)), 1, REMAINING, 0.0), None);
        assert_eq!(delay(&status(503, Some(u64::MAX)), 1, REMAINING, 0.0), None);
        assert_eq!(delay(&status(404, Some(1)), 1, REMAINING, 0.0), None);
    }

    #[test]
    fn a_lookup_is_retried_only_where_it_failed_within_a_second() {
        let lookup = Error::Lookup {
            url: String::new(),
            source: "no such name".into(),
        };
        let after = |took| super::delay(&lookup, took, 1, REMAINING, 0.5);
        assert_eq!(
            after(Duration::from_millis(999)),
            Some(Duration::from_millis(250))
        );
        assert_eq!(after(Duration::from_secs(1)), None);
        let lost = super::delay(&lost(), Duration::from_secs(9), 1, REMAINING, 0.5);
        assert_eq!(lost, Some(Duration::from_millis(250)));
    }

    #[test]
    fn each_try_to_connect_gets_more_time_up_to_all_that_remains_on_the_last_attempt() {
        let timeouts = |remaining: u64, is_last| -> Vec<u64> {
            let timeout = |index| connect_timeout(index, Duration::from_secs(remaining), is_last);
            (0..MAX_CONNECTS)
                .map(|index| timeout(index).as_secs())
                .collect()
        };
        assert_eq!(timeouts(30, false), [1, 4, 10]);
        assert_eq!(timeouts(30, true), [1, 4, 30]);
        assert_eq!(timeouts(0, true), [0, 0, 0]);
        assert_eq!(timeouts(3, false), [1, 3, 1]);
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
                let remaining = (start + REMAINING).saturating_sub(now);
                match delay(&failure(now), sent, remaining, random(&mut state))
                    .filter(|_| sent <= 2)
                {
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
        for (name, (seconds, most), share) in
            [("refused", refused, 5), ("told to come back", told, 25)]
        {
            let peak = seconds[20..].iter().max().copied().unwrap();
            println!(
                "{name}: {} requests, at most {most} per client, at most {peak} in one second after recovery",
                seconds.iter().sum::<u32>()
            );
            assert!(most <= 3, "{name}: {most} requests of one client");
            assert!(
                peak <= 100_000 * share / 100,
                "{name}: {peak} requests in one second, more than {share} %"
            );
        }
    }
}
