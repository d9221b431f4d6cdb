//! Names become addresses here, and are checked before anybody connects to them.

use std::{net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::platform::address::is_public;

/// Resolves with the system's resolver, and leaves out addresses that are not allowed: a name that leads somewhere else from one
/// moment to the next leads nowhere.
pub(super) struct Resolver {
    private: bool,
}

/// A name that leads to addresses that are not public.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the name leads to no public address")]
pub(super) struct PrivateAddress;

impl Resolver {
    /// `private`: whatever the name leads to.
    pub(super) fn new(private: bool) -> Arc<Self> {
        Arc::new(Self { private })
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.private;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> = found
                .iter()
                .copied()
                .filter(|address| private || is_public(address.ip()))
                .collect();
            match allowed.is_empty() && !found.is_empty() {
                true => Err(PrivateAddress.into()),
                false => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}
