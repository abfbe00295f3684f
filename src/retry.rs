//! When to try again, and how long each part of a try may take: pure functions of the time and a
//! random number.

use crate::error::Error;
use std::time::{Duration, SystemTime};

/// The longest wait before the first retry. It doubles with each further one, up to
/// [`MAX_BACKOFF`].
const INITIAL_BACKOFF: Duration = Duration::from_millis(500);
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// No retry begins with less time: it could hardly connect.
const MIN_TIME: Duration = Duration::from_millis(100);

/// The time for the first try to look a name up. A lost packet is best answered by asking again.
const FIRST_LOOKUP: Duration = Duration::from_secs(1);
/// The time for the first try to connect: an address that drops packets costs little.
const FIRST_CONNECT: Duration = Duration::from_secs(1);
/// The time for the second try: long enough for a lost packet to be sent again.
const SECOND_CONNECT: Duration = Duration::from_secs(4);
/// A last limit expires this long before the call, or less. See [`Limits`].
const MAX_GRACE: Duration = Duration::from_millis(100);

/// Returns how long to wait before the next attempt; `None` if the error is not retried, or too
/// little time remains.
///
/// `took` is how long the failed attempt lasted, `failures` the number of failed attempts so far,
/// `remaining` what is left of the call's timeout, and `random` is in `0.0..1.0`.
///
/// Without a `Retry-After` the wait is drawn from the whole backoff (full jitter). With one, the
/// wait is all of the `Retry-After` and jitter, so that clients that were told the same second do
/// not come back together. That jitter is drawn from the backoff, or from a quarter of the
/// `Retry-After` if that is longer.
pub(crate) fn delay(
    error: &Error,
    took: Duration,
    failures: u32,
    remaining: Duration,
    random: f64,
) -> Option<Duration> {
    if !is_retried(error, took) {
        return None;
    }

    let asked = retry_after(error);
    let slack = remaining.checked_sub(asked.saturating_add(MIN_TIME))?;
    if slack.is_zero() {
        return None;
    }

    let spread = backoff(failures).max(asked / 4).min(slack);
    Some(asked + spread.mul_f64(random))
}

fn is_retried(error: &Error, took: Duration) -> bool {
    match error {
        // Transient, but no time is left in this call.
        Error::Timeout { .. } => false,
        // A resolver that took longer has already asked again itself.
        Error::Lookup { .. } => took < FIRST_LOOKUP,
        error => error.is_transient(),
    }
}

fn retry_after(error: &Error) -> Duration {
    match error {
        Error::Status {
            retry_after: Some(after),
            ..
        } => *after,
        _ => Duration::ZERO,
    }
}

/// The longest wait after so many failed attempts: 0.5 s, 1 s, 2 s, 4 s, 8 s, then always 10 s.
fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1);
    let factor = 2_u32.saturating_pow(doublings);
    INITIAL_BACKOFF.saturating_mul(factor).min(MAX_BACKOFF)
}

/// The wait that a `Retry-After` header asks for: seconds, or a date. A past date is no wait; what
/// is neither is `None`.
///
/// A date is relative to the response's own `Date`, as the clock of this machine may be wrong. Only
/// without a `Date` is it relative to `now`.
pub(crate) fn parse_retry_after(
    value: &str,
    date: Option<&str>,
    now: SystemTime,
) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }

    let then = httpdate::parse_http_date(value).ok()?;
    let sent = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok());
    let wait = then.duration_since(sent.unwrap_or(now));
    Some(wait.unwrap_or_default())
}

/// How often an attempt has tried to look the name up and to connect, and ran out of time. Nothing
/// was sent yet, so it may try again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tries {
    pub(crate) lookups: u32,
    pub(crate) connects: u32,
}

/// How long the parts of a request may take.
///
/// A last limit is what remains, less a tenth of it, or less 100 ms if that is shorter. So it
/// expires before the call does, and ureq can say which part was slow. ureq counts connecting from
/// the end of the lookup, so after a slow lookup the call expires first.
///
/// An example, for a call of 30 s to an address that never answers:
///
/// | try | remaining | connecting may take |
/// |---|---|---|
/// | first | 30 s | 1 s |
/// | second | 29 s | 4 s |
/// | third, the last | 25 s | 24.9 s |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) lookup: Limit,
    /// For TCP, TLS and the proxy together.
    pub(crate) connect: Limit,
    /// For everything, the body included.
    pub(crate) total: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) time: Duration,
    /// Whether no time is left for another try.
    pub(crate) is_last: bool,
}

impl Tries {
    /// Whether this is the first try of an attempt.
    pub(crate) fn is_first(self) -> bool {
        self == Self::default()
    }

    /// The limits of the next try, given the time that remains.
    pub(crate) fn limits(self, remaining: Duration) -> Limits {
        // A system resolver may need over ten seconds to ask each of its name servers in turn.
        let lookup = match self.lookups {
            0 => Limit::up_to(FIRST_LOOKUP, remaining),
            _ => Limit::last(remaining),
        };
        // The last one lets a slow line or a slow proxy through.
        let connect = match self.connects {
            0 => Limit::up_to(FIRST_CONNECT, remaining),
            1 => Limit::up_to(SECOND_CONNECT, remaining),
            _ => Limit::last(remaining),
        };
        Limits {
            lookup,
            connect,
            total: remaining,
        }
    }
}

impl Limit {
    /// This time, or all that remains if that is less.
    fn up_to(time: Duration, remaining: Duration) -> Self {
        let last = Self::last(remaining);
        if last.time <= time {
            return last;
        }
        Self {
            time,
            is_last: false,
        }
    }

    fn last(remaining: Duration) -> Self {
        let grace = (remaining / 10).min(MAX_GRACE);
        Self {
            time: remaining.saturating_sub(grace),
            is_last: true,
        }
    }
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
            status: None,
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

    fn times(tries: Tries, remaining: Duration) -> [(u128, bool); 2] {
        let limits = tries.limits(remaining);
        assert_eq!(limits.total, remaining);
        [limits.lookup, limits.connect].map(|limit| (limit.time.as_millis(), limit.is_last))
    }

    #[test]
    fn a_lookup_gets_one_second_and_then_all_that_remains() {
        let lookup = |lookups, remaining| {
            let tries = Tries {
                lookups,
                connects: 0,
            };
            times(tries, Duration::from_millis(remaining))[0]
        };
        assert_eq!(lookup(0, 30_000), (1_000, false));
        assert_eq!(lookup(1, 29_000), (28_900, true));
        assert_eq!(lookup(0, 1_100), (1_000, true));
        assert_eq!(lookup(0, 1_101), (1_000, false));
        assert_eq!(lookup(0, 700), (630, true));
    }

    #[test]
    fn connecting_gets_one_second_then_four_and_then_all_that_remains() {
        let connect = |connects, remaining| {
            let tries = Tries {
                lookups: 0,
                connects,
            };
            times(tries, Duration::from_millis(remaining))[1]
        };
        assert_eq!(connect(0, 30_000), (1_000, false));
        assert_eq!(connect(1, 29_000), (4_000, false));
        assert_eq!(connect(2, 25_000), (24_900, true));
        assert_eq!(connect(0, 500), (450, true));
        assert_eq!(connect(1, 4_000), (3_900, true));
        assert_eq!(connect(2, 0), (0, true));
    }

    #[test]
    fn a_try_is_the_first_until_something_ran_out_of_time() {
        let tries = |lookups, connects| Tries { lookups, connects };
        assert!(tries(0, 0).is_first());
        assert!(!tries(1, 0).is_first());
        assert!(!tries(0, 1).is_first());
    }

    #[test]
    fn a_retry_after_is_in_seconds_or_a_date_relative_to_the_responses_own() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:50:00 GMT").unwrap();
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        for (value, date, expected) in [
            ("7", None, Some(7)),
            (" 7 ", date, Some(7)),
            ("Sun, 06 Nov 1994 08:54:37 GMT", date, Some(300)),
            ("Sun, 06 Nov 1994 08:54:37 GMT", None, Some(277)),
            ("Sun, 06 Nov 1994 08:54:37 GMT", Some("now"), Some(277)),
            ("Sunday, 06-Nov-94 08:49:38 GMT", date, Some(1)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", date, Some(0)),
            ("soon", date, None),
            ("-1", date, None),
            ("1.5", date, None),
            ("", date, None),
        ] {
            let wait = parse_retry_after(value, date, now);
            assert_eq!(wait, expected.map(Duration::from_secs), "{value} {date:?}");
        }
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
    /// Returns the requests in each second of time, and the largest number of requests of one
    /// client.
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
