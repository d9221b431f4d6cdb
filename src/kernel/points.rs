//! Points (积分): a decimal with at most two places, held as an integer number of hundredths. No sum ever sees a floating
//! point number.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, Neg, Sub},
};

use serde::{Deserialize, Serialize};

/// An amount of points, in hundredths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Points(i64);

/// Why a number is no amount of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointsError {
    /// Not a number of JSON (RFC 8259, section 6).
    #[error("not a number")]
    NotANumber,
    /// More than two decimals; trailing zeros do not count.
    #[error("more than two decimals")]
    Decimals,
    /// Beyond [`Points::LARGEST`], either way.
    #[error("too large")]
    TooLarge,
}

impl Points {
    /// None.
    pub const ZERO: Self = Self(0);

    /// The largest amount of one entry: a thousand million. So many of them fit into a sum that none can overflow: 90
    /// million entries of it do.
    pub const LARGEST: Self = Self(100_000_000_000);

    /// So many hundredths; for amounts that were checked when they came in, and sums of them.
    pub const fn from_hundredths(hundredths: i64) -> Self {
        Self(hundredths)
    }

    /// How many hundredths.
    pub const fn hundredths(self) -> i64 {
        self.0
    }

    /// Whether it is none.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Reads a number as JSON writes it, exactly: `5`, `-1.25`, `1.50`, `12e-1`.
    ///
    /// # Errors
    ///
    /// What is no JSON number, has more than two decimals, or is beyond [`Points::LARGEST`].
    pub fn parse(text: &str) -> Result<Self, PointsError> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
            Some(_) => return Err(PointsError::NotANumber),
            None => (mantissa, ""),
        };
        // JSON writes no leading zeros.
        if !is_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
            return Err(PointsError::NotANumber);
        }
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Ok(Self::ZERO);
        }
        // The value is `significant` times ten to the power of `scale`.
        let dropped = digits.len() - significant.len();
        let scale = exponent
            .saturating_sub(fraction.len() as i64)
            .saturating_add(dropped as i64);
        if scale < -2 {
            return Err(PointsError::Decimals);
        }
        let significant = significant.trim_start_matches('0');
        let zeros = usize::try_from(scale + 2).unwrap_or(usize::MAX);
        if significant.len().saturating_add(zeros) > 18 {
            return Err(PointsError::TooLarge);
        }
        let magnitude = format!("{significant}{}", "0".repeat(zeros));
        let hundredths: i64 = magnitude.parse().map_err(|_| PointsError::TooLarge)?;
        if hundredths > Self::LARGEST.0 {
            return Err(PointsError::TooLarge);
        }
        Ok(Self(if negative { -hundredths } else { hundredths }))
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn read_exponent(text: &str) -> Result<i64, PointsError> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, text.get(1..).unwrap_or_default()),
        [b'+', ..] => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    if !is_digits(digits) {
        return Err(PointsError::NotANumber);
    }
    // One that does not fit is beyond everything, either way.
    let exponent: i64 = digits.parse().unwrap_or(i64::MAX / 2);
    Ok(if negative { -exponent } else { exponent })
}

/// As JSON writes it, without zeros at the end: `5`, `-1.25`, `1.5`.
impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, hundredths) = (self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100);
        match (hundredths, hundredths % 10) {
            (0, _) => write!(f, "{sign}{whole}"),
            (_, 0) => write!(f, "{sign}{whole}.{}", hundredths / 10),
            _ => write!(f, "{sign}{whole}.{hundredths:02}"),
        }
    }
}

impl Add for Points {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Points {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Points {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Points {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_exactly() {
        for (text, hundredths) in [
            ("0", 0),
            ("-0", 0),
            ("0.00", 0),
            ("5", 500),
            ("-5", -500),
            ("0.1", 10),
            ("0.29", 29),
            ("1.50", 150),
            ("1.5000", 150),
            ("12e-1", 120),
            ("1.2E+2", 12_000),
            ("1200e-4", 12),
            ("0e999999999999999999999", 0),
            ("1000000000", 100_000_000_000),
            ("-1e9", -100_000_000_000),
        ] {
            assert_eq!(Points::parse(text), Ok(Points(hundredths)), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_says_why() {
        use PointsError::{Decimals, NotANumber, TooLarge};
        for (text, error) in [
            ("1.005", Decimals),
            ("1e-3", Decimals),
            ("0.001", Decimals),
            ("1e-99999999999999999999", Decimals),
            ("1e400", TooLarge),
            ("1e99999999999999999999", TooLarge),
            ("1000000000.01", TooLarge),
            ("123456789012345678901234567890", TooLarge),
            ("NaN", NotANumber),
            ("Infinity", NotANumber),
            ("", NotANumber),
            ("-", NotANumber),
            ("+1", NotANumber),
            ("01", NotANumber),
            ("1.", NotANumber),
            (".5", NotANumber),
            ("1e", NotANumber),
            ("1e+", NotANumber),
            ("--1", NotANumber),
            ("1,200", NotANumber),
            ("\"5\"", NotANumber),
            ("５", NotANumber),
        ] {
            assert_eq!(Points::parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(hundredths in -100_000_000_000_i64..=100_000_000_000) {
            let points = Points(hundredths);
            prop_assert_eq!(Points::parse(&points.to_string()), Ok(points));
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.eE]{0,40}") {
            let _ = Points::parse(&text);
        }
    }
}
