//! Calendar dates, for a token's age.

use std::fmt;
use std::time::SystemTime;

/// The days of 400 years, after which the calendar repeats.
const DAYS_PER_ERA: i64 = 146_097;
/// The days from 0000-03-01, when the first era begins, to 1970-01-01.
const DAYS_UNTIL_1970: i64 = 719_468;

/// A date in the proleptic Gregorian calendar, for
/// [`ApiToken::is_older_than`](crate::ApiToken::is_older_than).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    days_since_1970: i64,
}

impl Date {
    /// Returns today's date in UTC, by this machine's clock. A clock before 1970 gives 1970-01-01.
    pub fn today_utc() -> Self {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            days_since_1970: i64::try_from(now.as_secs() / 86_400).unwrap_or_default(),
        }
    }

    /// Parses `YYYY-MM-DD`, or the date before the `T` or space of a timestamp. Returns `None` for
    /// anything else, and for a date that does not exist, such as 30 February.
    ///
    /// ```
    /// use turso_api_tokens::Date;
    /// let leap = Date::parse("2024-02-29").unwrap();
    /// assert_eq!(Date::parse("2024-03-01T09:30:00Z").unwrap().days_since(leap), 1);
    /// assert_eq!(Date::parse("2023-02-29"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        if !rest.is_empty() && !rest.starts_with(['T', 't', ' ']) {
            return None;
        }

        let mut parts = date.splitn(3, '-');
        let year = number(parts.next()?, 4)?;
        let month = number(parts.next()?, 2)?;
        let day = number(parts.next()?, 2)?;

        // A date that does not exist would come back as another one.
        let date = Self::from_civil(year, month, day);
        if date.to_civil() != (year, month, day) {
            return None;
        }
        Some(date)
    }

    /// Returns the number of days from `earlier` to this date, negative if `earlier` is later.
    pub fn days_since(self, earlier: Self) -> i64 {
        self.days_since_1970 - earlier.days_since_1970
    }

    /// Counts in eras of 400 years that begin on 1 March, so that a leap day is the last day of its
    /// year. Known as Howard Hinnant's `days_from_civil`.
    fn from_civil(year: i64, month: i64, day: i64) -> Self {
        let year = if month <= 2 { year - 1 } else { year };
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self {
            days_since_1970: year.div_euclid(400) * DAYS_PER_ERA + day_of_era - DAYS_UNTIL_1970,
        }
    }

    fn to_civil(self) -> (i64, i64, i64) {
        let days = self.days_since_1970 + DAYS_UNTIL_1970;
        let day_of_era = days.rem_euclid(DAYS_PER_ERA);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = days.div_euclid(DAYS_PER_ERA) * 400 + year_of_era + i64::from(month <= 2);
        (year, month, day)
    }
}

/// Prints `YYYY-MM-DD`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.to_civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A number with exactly this many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_across_leap_days_centuries_and_the_epoch() {
        let days = |a, b| Date::parse(b).unwrap().days_since(Date::parse(a).unwrap());
        assert_eq!(days("1970-01-01", "1970-01-02"), 1);
        assert_eq!(days("1970-01-01", "1969-12-31"), -1);
        assert_eq!(days("2024-02-28", "2024-03-01"), 2);
        assert_eq!(days("2023-02-28", "2023-03-01"), 1);
        assert_eq!(days("1900-02-28", "1900-03-01"), 1);
        assert_eq!(days("2000-02-28", "2000-03-01"), 2);
        assert_eq!(days("1970-01-01", "2026-11-24"), 20_781);
    }

    #[test]
    fn every_day_of_eight_centuries_survives_a_round_trip() {
        let mut date = Date::parse("1600-01-01").unwrap();
        let end = Date::parse("2400-01-01").unwrap();
        while date < end {
            assert_eq!(Date::parse(&date.to_string()), Some(date));
            date.days_since_1970 += 1;
        }
    }

    #[test]
    fn only_dates_that_exist_are_parsed() {
        for good in [
            "2024-02-29",
            "2024-02-29T23:59:59Z",
            "2024-02-29 00:00:00.123+02:00",
            "0000-01-01",
            "9999-12-31",
        ] {
            assert!(Date::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "2024",
            "2024-1-01",
            "2024-13-01",
            "2024-00-10",
            "2024-01-00",
            "2024-01-32",
            "2023-02-29",
            "2024-04-31",
            "24-01-01",
            "2024/01/01",
            "2024-01-01x",
            "+024-01-01",
            "2024-01-1é",
            "２０２４-01-01",
        ] {
            assert_eq!(Date::parse(bad), None, "{bad}");
        }
    }
}
