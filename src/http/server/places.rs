//! Room for connections: as many as the service takes at once, and of these as many as come from one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::http::client::{Proxies, subscriber};

/// How often it is logged that an address has as many connections as it may: it may be a proxy that nobody named.
const WARNINGS: Duration = Duration::from_secs(60);

/// What there is room for.
pub(super) struct Places {
    all: Arc<Semaphore>,
    per_address: usize,
    /// Connections of theirs are of many callers.
    proxies: Proxies,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    by_address: HashMap<IpAddr, usize>,
    warned: Option<Instant>,
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
    pub(super) fn new(all: usize, per_address: usize, proxies: Proxies) -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS))),
            per_address,
            proxies,
            taken: Mutex::default(),
        })
    }

    /// Room for a connection from an address, until the place is dropped.
    pub(super) fn take(self: &Arc<Self>, from: IpAddr) -> Result<Place, Full> {
        let permit = self.all.clone().try_acquire_owned().map_err(|_| Full::Service)?;
        let from = (!self.proxies.has(from.to_canonical())).then(|| subscriber(from));
        if let Some(from) = from {
            let mut taken = self.taken();
            let count = taken.by_address.entry(from).or_default();
            if *count >= self.per_address {
                let now = Instant::now();
                if taken.warned.is_none_or(|at| now - at > WARNINGS) {
                    taken.warned = Some(now);
                    tracing::warn!(
                        most = self.per_address,
                        "an address has as many connections as it may (server.connections_per_address); \
                         a proxy of ours is to be named in server.trusted_proxies"
                    );
                }
                return Err(Full::Address);
            }
            *count += 1;
        }
        Ok(Place {
            places: self.clone(),
            from,
            _permit: permit,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place, held by whatever it has become.
pub(super) struct Place {
    places: Arc<Places>,
    from: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(from) = self.from else { return };
        let mut taken = self.places.taken();
        if let Some(count) = taken.by_address.get_mut(&from) {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&from);
            }
        }
    }
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
        assert_eq!(places.taken().by_address.len(), 2);
    }
}
