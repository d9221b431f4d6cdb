//! How a platform writes instants.

use chrono::{
    DateTime, FixedOffset, NaiveDateTime, SecondsFormat, SubsecRound as _, TimeDelta, Utc,
    format::{Item, StrftimeItems},
};

use crate::kernel::clock::{SHANGHAI, is_storable};

/// How a platform writes instants, and how it is asked with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// RFC 3339, with its zone; one without is not read.
    #[default]
    Rfc3339,
    /// Seconds since 1970.
    UnixSeconds,
    /// Milliseconds since 1970.
    UnixMilliseconds,
    /// As `strftime` patterns say it; where the pattern has no zone, times are local to this one.
    Pattern {
        /// The pattern.
        pattern: String,
        /// The zone of local times; none where the pattern itself has one.
        zone: Option<FixedOffset>,
        /// The smallest difference that it writes.
        step: TimeDelta,
    },
}

/// Why a platform's times cannot be written so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeFormatError {
    /// Neither a name nor a pattern.
    #[error(
        "must be \"rfc3339\", \"unix-seconds\", \"unix-milliseconds\" or a pattern such as \"%Y-%m-%d %H:%M:%S\""
    )]
    NoPattern,
    /// What it writes cannot be read back to the second.
    #[error("must say year, month, day, hour, minute and second")]
    Loses,
    /// A local time, and nobody says where.
    #[error("needs a time_zone: its times have no zone of their own")]
    NoZone,
}

/// A zone: `Asia/Shanghai`, `Z` or an offset such as `+08:00`. Zones with rules of their own are not known.
pub fn offset(text: &str) -> Option<FixedOffset> {
    match text {
        "Asia/Shanghai" => Some(SHANGHAI),
        "Z" | "UTC" => FixedOffset::east_opt(0),
        text => text.parse().ok(),
    }
}

impl TimeFormat {
    /// Reads what the configuration says.
    ///
    /// # Errors
    ///
    /// A pattern that loses something when it is read back, and local times without a zone.
    pub fn parse(text: &str, zone: Option<FixedOffset>) -> Result<Self, TimeFormatError> {
        let pattern = match text {
            "rfc3339" => return Ok(Self::Rfc3339),
            "unix-seconds" => return Ok(Self::UnixSeconds),
            "unix-milliseconds" => return Ok(Self::UnixMilliseconds),
            text => text.to_owned(),
        };
        if !pattern.contains('%') || StrftimeItems::new(&pattern).any(|item| matches!(item, Item::Error)) {
            return Err(TimeFormatError::NoPattern);
        }
        let step = TimeDelta::zero();
        let mut format = Self::Pattern { pattern, zone, step };
        let sample = DateTime::from_timestamp(1_656_666_061, 123_456_000).unwrap_or_default();
        let read = match format.read(&format.write(sample)) {
            Some(read) => read,
            None if zone.is_none() => return Err(TimeFormatError::NoZone),
            None => return Err(TimeFormatError::Loses),
        };
        let lost = [
            (6, TimeDelta::microseconds(1)),
            (3, TimeDelta::milliseconds(1)),
            (0, TimeDelta::seconds(1)),
        ];
        let found = lost
            .into_iter()
            .find(|(digits, _)| sample.trunc_subsecs(*digits) == read);
        let (_, found) = found.ok_or(TimeFormatError::Loses)?;
        if let Self::Pattern { step, .. } = &mut format {
            *step = found;
        }
        Ok(format)
    }

    /// Reads an instant; none where it is not written so.
    pub fn read(&self, text: &str) -> Option<DateTime<Utc>> {
        let at = match self {
            Self::Rfc3339 => DateTime::parse_from_rfc3339(text).ok()?.to_utc(),
            Self::UnixSeconds => DateTime::from_timestamp(text.parse().ok()?, 0)?,
            Self::UnixMilliseconds => DateTime::from_timestamp_millis(text.parse().ok()?)?,
            Self::Pattern {
                pattern,
                zone: Some(zone),
                ..
            } => {
                let local = NaiveDateTime::parse_from_str(text, pattern).ok()?;
                local.and_local_timezone(*zone).single()?.to_utc()
            }
            Self::Pattern {
                pattern, zone: None, ..
            } => DateTime::parse_from_str(text, pattern).ok()?.to_utc(),
        };
        Some(at.trunc_subsecs(6)).filter(|at| is_storable(*at))
    }

    /// Writes an instant; what is smaller than [`TimeFormat::step`] is cut off.
    pub fn write(&self, at: DateTime<Utc>) -> String {
        match self {
            Self::Rfc3339 => at.to_rfc3339_opts(SecondsFormat::Micros, true),
            Self::UnixSeconds => at.timestamp().to_string(),
            Self::UnixMilliseconds => at.timestamp_millis().to_string(),
            Self::Pattern { pattern, zone, .. } => {
                let zone = zone.unwrap_or(SHANGHAI);
                at.with_timezone(&zone).format(pattern).to_string()
            }
        }
    }

    /// The smallest difference that is written.
    pub fn step(&self) -> TimeDelta {
        match self {
            Self::Rfc3339 => TimeDelta::microseconds(1),
            Self::UnixSeconds => TimeDelta::seconds(1),
            Self::UnixMilliseconds => TimeDelta::milliseconds(1),
            Self::Pattern { step, .. } => *step,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHANGHAI: Option<FixedOffset> = Some(super::SHANGHAI);

    fn read(format: &str, zone: Option<FixedOffset>, text: &str) -> Option<String> {
        let format = TimeFormat::parse(format, zone).unwrap();
        Some(format.read(text)?.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }

    #[test]
    fn local_times_are_those_of_the_zone_and_zones_are_never_guessed() {
        let local = "%Y-%m-%d %H:%M:%S";
        assert_eq!(
            read(local, SHANGHAI, "2022-07-01 09:00:00").as_deref(),
            Some("2022-07-01T01:00:00Z")
        );
        assert_eq!(read(local, SHANGHAI, "2022-07-01"), None);
        assert_eq!(read(local, SHANGHAI, "2022-07-01T09:00:00Z"), None);
        let millis = "%Y-%m-%d %H:%M:%S%.3f";
        let at = Some("2022-07-01T02:00:00.123Z");
        assert_eq!(read(millis, SHANGHAI, "2022-07-01 10:00:00.123").as_deref(), at);
        assert_eq!(read("rfc3339", SHANGHAI, "2022-07-01T10:00:00"), None);
        assert_eq!(
            read("rfc3339", None, "2022-07-01T10:00:00.123+08:00").as_deref(),
            at
        );
        assert_eq!(read("unix-milliseconds", None, "1656640800123").as_deref(), at);
        assert_eq!(
            read("unix-seconds", None, "1656640800").as_deref(),
            Some("2022-07-01T02:00:00Z")
        );
        assert_eq!(read("unix-seconds", None, "1656640800.5"), None);
        assert_eq!(
            read("%Y%m%d%H%M%S%z", None, "20220701100000+0800").as_deref(),
            Some("2022-07-01T02:00:00Z")
        );
    }

    #[test]
    fn what_is_written_is_read_again_to_the_step() {
        let at: DateTime<Utc> = "2022-07-01T02:00:00.123456Z".parse().unwrap();
        for (text, zone, step) in [
            ("rfc3339", None, TimeDelta::microseconds(1)),
            ("unix-seconds", None, TimeDelta::seconds(1)),
            ("unix-milliseconds", None, TimeDelta::milliseconds(1)),
            ("%Y-%m-%d %H:%M:%S", SHANGHAI, TimeDelta::seconds(1)),
            ("%Y-%m-%d %H:%M:%S%.3f", SHANGHAI, TimeDelta::milliseconds(1)),
            ("%Y/%m/%d %H:%M:%S%.6f %z", None, TimeDelta::microseconds(1)),
        ] {
            let format = TimeFormat::parse(text, zone).unwrap();
            assert_eq!(format.step(), step, "{text}");
            let lost = at - format.read(&format.write(at)).unwrap();
            assert!(lost >= TimeDelta::zero() && lost < step, "{text}: {lost}");
        }
    }

    #[test]
    fn formats_that_lose_something_are_refused() {
        for (text, zone, error) in [
            ("", None, TimeFormatError::NoPattern),
            ("iso", None, TimeFormatError::NoPattern),
            ("%Q", None, TimeFormatError::NoPattern),
            ("%Y-%m-%d", SHANGHAI, TimeFormatError::Loses),
            ("%Y-%m-%d %H:%M", SHANGHAI, TimeFormatError::Loses),
            ("%y-%d %H:%M:%S", SHANGHAI, TimeFormatError::Loses),
            ("%Y-%m-%d %H:%M:%S", None, TimeFormatError::NoZone),
        ] {
            assert_eq!(TimeFormat::parse(text, zone), Err(error), "{text}");
        }
        assert_eq!(offset("Asia/Shanghai"), SHANGHAI);
        assert_eq!(offset("+08:00"), SHANGHAI);
        assert_eq!(offset("Asia/Urumqi"), None);
    }
}
