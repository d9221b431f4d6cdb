//! Room for connections: as many as the service takes at once, and of these as many as come from one address.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::http::{
    admission::{Share, Shares},
    client::{Proxies, subscriber},
};

/// How often it is logged that an address has as many connections as it may: it may be a proxy that nobody named.
const WARNINGS: Duration = Duration::from_secs(60);

/// What there is room for.
pub(super) struct Places {
    all: Arc<Semaphore>,
    by_address: Shares<IpAddr>,
    /// Connections of theirs are of many callers.
    proxies: Proxies,
    warned: Mutex<Option<Instant>>,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The service has as many as it takes.
    Service,
    /// The address has.
    Address,
}

impl Places {
    pub(super) fn new(all: usize, per_address: usize, proxies: Proxies) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS))),
            by_address: Shares::new(per_address),
            proxies,
            warned: Mutex::default(),
        }
    }

    /// Room for a connection from an address, until the place is dropped.
    pub(super) fn take(&self, from: IpAddr) -> Result<Place, Full> {
        let permit = self.all.clone().try_acquire_owned().map_err(|_| Full::Service)?;
        let share = match self.proxies.has(from.to_canonical()) {
            true => None,
            false => match self.by_address.take(&subscriber(from), 1) {
                Some(share) => Some(share),
                None => {
                    self.warn();
                    return Err(Full::Address);
                }
            },
        };
        Ok(Place {
            _share: share,
            _permit: permit,
        })
    }

    fn warn(&self) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|at| at.elapsed() > WARNINGS) {
            *warned = Some(Instant::now());
            tracing::warn!(
                most = self.by_address.most(),
                "an address has as many connections as it may (server.connections_per_address); \
                 a proxy of ours is to be named in server.trusted_proxies"
            );
        }
    }
}

/// A connection's place, held by whatever it has become.
pub(super) struct Place {
    _share: Option<Share<IpAddr>>,
    _permit: OwnedSemaphorePermit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_takes_its_share_and_a_proxy_what_there_is() {
        let proxies = Proxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let places = Places::new(5, 2, proxies);
        let take = |from: &str| places.take(from.parse().unwrap());
        let first = take("192.0.2.1").ok().unwrap();
        let _second = take("192.0.2.1").ok().unwrap();
        assert_eq!(take("192.0.2.1").err(), Some(Full::Address));
        // The same, as a socket of both families gives it.
        assert_eq!(take("::ffff:192.0.2.1").err(), Some(Full::Address));
        drop(first);
        let _again = take("192.0.2.1").ok().unwrap();
        let _proxy: Vec<_> = (0..3).map(|_| take("10.0.0.1").ok().unwrap()).collect();
        assert_eq!(take("10.0.0.1").err(), Some(Full::Service));
        assert_eq!(take("2001:db8::1").err(), Some(Full::Service));
    }

    #[test]
    fn an_address_of_ipv6_is_its_subscribers_network() {
        let places = Places::new(5, 1, Proxies::default());
        let take = |from: &str| places.take(from.parse().unwrap());
        let _first = take("2001:db8:0:1::1").ok().unwrap();
        assert_eq!(take("2001:db8:0:1::2").err(), Some(Full::Address));
        let _other = take("2001:db8:0:2::1").ok().unwrap();
        assert_eq!(places.by_address.holders(), 2);
    }
}
