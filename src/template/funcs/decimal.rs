//! Decimal numbers for `addf`, `subf`, `mulf` and `divf`.
//!
//! Follows shopspring/decimal 1.4.0: a float is taken by its shortest digits, sums and products are exact, quotients have 16
//! digits after the point. So `addf 0.1 0.2` is 0.3. Exactness is limited: numbers of more than [`MOST_DIGITS`] digits are refused.

use num_bigint::BigInt;

/// Largest number of digits. Sums of the largest and the smallest float need about 650.
const MOST_DIGITS: u64 = 4_000;
const MOST_EXPONENT: i64 = 4_000;
/// `decimal.DivisionPrecision`.
const DIVISION_DIGITS: i64 = 16;

type Made = Result<Decimal, &'static str>;

/// `digits × 10^exponent`.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    digits: BigInt,
    exponent: i64,
}

impl Decimal {
    /// The shortest decimal that reads back as `f`.
    pub(super) fn of(f: f64) -> Made {
        if !f.is_finite() {
            return Err("cannot create a decimal from NaN or infinity");
        }
        let text = format!("{f:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let digits = mantissa.replace('.', "").parse().unwrap_or_default();
        let exponent: i64 = exponent.parse().unwrap_or(0);
        Ok(Self { digits, exponent: exponent - i64::try_from(fraction).unwrap_or(0) })
    }

    /// How much work it is to handle, in steps.
    pub(super) fn weight(&self) -> usize {
        usize::try_from(self.digits.bits() / 32).unwrap_or(usize::MAX).max(1)
    }

    fn checked(self) -> Made {
        // Ten bits are more than three digits.
        if self.digits.bits() > MOST_DIGITS * 10 / 3 || self.exponent.abs() > MOST_EXPONENT {
            return Err("a number with too many digits");
        }
        Ok(self)
    }

    fn scaled(&self, exponent: i64) -> BigInt {
        let up = u32::try_from(self.exponent - exponent).unwrap_or(0);
        &self.digits * BigInt::from(10).pow(up)
    }

    pub(super) fn add(&self, other: &Self) -> Made {
        let exponent = self.exponent.min(other.exponent);
        Self { digits: self.scaled(exponent) + other.scaled(exponent), exponent }.checked()
    }

    pub(super) fn sub(&self, other: &Self) -> Made {
        self.add(&Self { digits: -&other.digits, exponent: other.exponent })
    }

    pub(super) fn mul(&self, other: &Self) -> Made {
        Self { digits: &self.digits * &other.digits, exponent: self.exponent + other.exponent }.checked()
    }

    /// Rounded half away from zero to 16 digits after the point.
    pub(super) fn div(&self, other: &Self) -> Made {
        let zero = BigInt::from(0);
        if other.digits == zero {
            return Err("decimal division by 0");
        }
        let shift = self.exponent - other.exponent + DIVISION_DIGITS;
        let ten = BigInt::from(10);
        let power = ten.pow(u32::try_from(shift.unsigned_abs()).unwrap_or(0));
        let (over, under) =
            if shift >= 0 { (&self.digits * power, other.digits.clone()) } else { (self.digits.clone(), &other.digits * power) };
        let negative = (over < zero) != (under < zero);
        let (over, under) = (BigInt::from(over.magnitude().clone()), BigInt::from(under.magnitude().clone()));
        let doubled: BigInt = (over * 2 + &under) / (under * 2);
        Self { digits: if negative { -doubled } else { doubled }, exponent: -DIVISION_DIGITS }.checked()
    }

    pub(super) fn to_float(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(made: Made) -> f64 {
        made.map(|d| d.to_float()).unwrap_or(f64::NAN)
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "exact by construction")]
    fn sums_are_decimal_and_quotients_have_sixteen_places() {
        let of = |f| Decimal::of(f).expect("finite");
        assert_eq!(value(of(0.1).add(&of(0.2))), 0.3);
        assert_eq!(value(of(1.0).div(&of(3.0))), 0.333_333_333_333_333_3);
        assert_eq!(value(of(-2.0).div(&of(3.0))), -0.666_666_666_666_666_7);
        assert_eq!(value(of(1e300).mul(&of(1e300))), f64::INFINITY);
        assert!(of(1.0).div(&of(0.0)).is_err());
        assert!(Decimal::of(f64::NAN).is_err());
    }
}
