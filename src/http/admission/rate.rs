//! What each caller may use up: a bucket that holds so much cost and fills again at so much a second (the generic cell rate
//! algorithm, ITU-T I.371, of the crate `governor`). By a clock that only goes forward; each process counts for itself.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    RateLimiter, clock::Clock, middleware::StateInformationMiddleware, nanos::Nanos,
    state::keyed::HashMapStateStore,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Account, RateLimited};
use crate::{
    graphql::{ApiError, ErrorCode},
    kernel::message::Message,
};

/// What a deployment may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateOptions {
    /// What a caller that has been quiet may use up at once, in units of cost.
    pub burst: NonZeroU32,
    /// What it is given back a second, in units of cost; at most a milliard.
    pub per_second: NonZeroU32,
}

/// Nanoseconds since it was made, of a clock that only goes forward.
#[derive(Clone, Copy, Debug)]
pub struct SinceStart(std::time::Instant);

impl Clock for SinceStart {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

/// The buckets of all callers.
pub struct Rate<C: Clock = SinceStart> {
    limiter: RateLimiter<Account, HashMapStateStore<Account>, C, StateInformationMiddleware>,
    clock: C,
    options: RateOptions,
}

impl Rate {
    /// Full ones.
    pub fn new(options: RateOptions) -> Self {
        Self::by_clock(options, SinceStart(std::time::Instant::now()))
    }
}

impl<C: Clock + Clone> Rate<C> {
    fn by_clock(options: RateOptions, clock: C) -> Self {
        let period = Duration::from_secs(1) / options.per_second.get();
        // A period of nothing is none: at a unit a nanosecond nobody is limited anyway.
        let quota = governor::Quota::with_period(period)
            .unwrap_or_else(|| governor::Quota::per_second(NonZeroU32::MAX))
            .allow_burst(options.burst);
        Self {
            limiter: RateLimiter::new(quota, HashMapStateStore::default(), clock.clone()),
            clock,
            options,
        }
    }

    /// Takes what a request costs. One that costs more than a bucket holds empties a full one: what a document may cost is for
    /// the guard to say.
    pub fn take(&self, account: &Account, cost: u64) -> Result<Quota, RateLimited> {
        let most = self.options.burst.get();
        let cost = u32::try_from(cost).unwrap_or(most).clamp(1, most);
        let cost = NonZeroU32::new(cost).unwrap_or(NonZeroU32::MIN);
        let quota = |remaining| Quota {
            options: self.options,
            remaining,
        };
        match self.limiter.check_key_n(account, cost) {
            Ok(Ok(state)) => Ok(quota(state.remaining_burst_capacity())),
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(self.clock.now());
                let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
                let seconds = seconds.saturating_add(u32::from(wait.subsec_nanos() > 0)).max(1);
                let quota = quota(0);
                // Whoever answers with it says what is left.
                let mut fields = HeaderMap::new();
                quota.write(&mut fields);
                Err(RateLimited {
                    error: rate_limited(seconds).with_fields(fields),
                    quota,
                })
            }
            // It is no more than a bucket holds.
            Err(_) => Ok(quota(0)),
        }
    }

    /// Forgets callers whose bucket is full again, and gives memory back.
    pub fn forget(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    #[cfg(test)]
    fn accounts(&self) -> usize {
        self.limiter.len()
    }
}

fn rate_limited(seconds: u32) -> ApiError {
    ApiError::new(
        ErrorCode::RateLimited,
        Message::new(
            format!("请求过于频繁，请在{seconds}秒后重试"),
            format!("Too much was asked in a short time; try again in {seconds} s"),
        ),
    )
    .with_retry_after(seconds)
}

/// What a caller has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    options: RateOptions,
    /// Units of cost.
    pub remaining: u32,
}

impl Quota {
    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers): what a bucket holds (`q`) and in how many seconds
    /// it fills (`w`), what is left (`r`) and in how many seconds it is full again (`t`).
    pub fn write(self, headers: &mut HeaderMap) {
        let RateOptions { burst, per_second } = self.options;
        let fills_in = |units: u32| units.div_ceil(per_second.get());
        let (burst, remaining) = (burst.get(), self.remaining);
        let policy = format!("\"cost\";q={burst};w={}", fills_in(burst).max(1));
        let left = format!(
            "\"cost\";r={remaining};t={}",
            fills_in(burst.saturating_sub(remaining))
        );
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;
    use std::net::Ipv4Addr;

    /// Buckets of 100 that get back 10 a second.
    fn rate() -> Rate<FakeRelativeClock> {
        let options = RateOptions {
            burst: NonZeroU32::new(100).unwrap(),
            per_second: NonZeroU32::new(10).unwrap(),
        };
        Rate::by_clock(options, FakeRelativeClock::default())
    }

    fn account(n: u8) -> Account {
        Account::at(Some(Ipv4Addr::new(10, 0, 0, n).into()))
    }

    #[test]
    fn a_bucket_is_used_up_and_fills_again() {
        let rate = rate();
        assert_eq!(rate.take(&account(1), 60).unwrap().remaining, 40);
        assert_eq!(rate.take(&account(1), 40).unwrap().remaining, 0);
        let refused = rate.take(&account(1), 25).unwrap_err();
        assert_eq!(refused.error.code(), ErrorCode::RateLimited);
        assert_eq!(refused.error.retry_after(), Some(3));
        assert_eq!(
            rate.take(&account(2), 100).unwrap().remaining,
            0,
            "another's is its own"
        );
        rate.clock.advance(Duration::from_secs(3));
        assert_eq!(rate.take(&account(1), 25).unwrap().remaining, 5);
    }

    #[test]
    fn what_costs_more_than_a_bucket_holds_waits_for_a_full_one() {
        let rate = rate();
        assert_eq!(rate.take(&account(1), u64::MAX).unwrap().remaining, 0);
        assert_eq!(
            rate.take(&account(1), 101).unwrap_err().error.retry_after(),
            Some(10)
        );
        rate.clock.advance(Duration::from_secs(10));
        assert!(rate.take(&account(1), 101).is_ok());
        assert!(rate.take(&account(1), 0).is_err(), "nothing is for nothing");
    }

    #[test]
    fn callers_whose_bucket_is_full_again_take_no_memory() {
        let rate = rate();
        for n in 0..200 {
            rate.take(&account(n), 50).unwrap();
        }
        rate.forget();
        assert_eq!(rate.accounts(), 200);
        rate.clock.advance(Duration::from_secs(20));
        rate.take(&account(7), 50).unwrap();
        rate.forget();
        assert_eq!(rate.accounts(), 1);
    }

    #[test]
    fn an_ipv6_caller_is_its_network_and_a_mapped_one_its_ipv4_address() {
        let at = |address: &str| Account::at(Some(address.parse().unwrap()));
        assert_eq!(at("2001:db8:1:2:3:4:5:6"), at("2001:db8:1:2::9"));
        assert_ne!(at("2001:db8:1:2::9"), at("2001:db8:1:3::9"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
    }

    #[test]
    fn what_is_left_is_told_in_header_fields() {
        let quota = Quota {
            options: RateOptions {
                burst: NonZeroU32::new(1000).unwrap(),
                per_second: NonZeroU32::new(300).unwrap(),
            },
            remaining: 399,
        };
        let mut headers = HeaderMap::new();
        quota.write(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"cost\";q=1000;w=4");
        assert_eq!(headers["ratelimit"], "\"cost\";r=399;t=3");
    }
}
