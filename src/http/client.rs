//! Where a request comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap};
use ipnet::IpNet;

use super::server::Slot;

/// A connection that becomes a socket.
pub struct Arrival {
    /// Where it comes from.
    pub from: Option<IpAddr>,
    /// Its place among the connections, which it goes on taking.
    pub slot: Option<Slot>,
}

/// Proxies whose word is taken for where a request comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(pub Vec<IpNet>);

impl Proxies {
    /// The address of a request: of the connection's other end, or where that is a proxy of ours, the last one in
    /// `X-Forwarded-For` that is none. Whatever stands further left in it anybody may have written.
    pub fn client(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
        let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
        let peer = peer.ip().to_canonical();
        if !self.has(peer) {
            return Some(peer);
        }
        let forwarded = headers.get_all("x-forwarded-for").iter();
        // Bytes: what a client wrote further left need not be text.
        let forwarded: Vec<&[u8]> = forwarded
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .collect();
        let mut nearest = peer;
        for hop in forwarded.iter().rev() {
            let Some(address) = std::str::from_utf8(hop).ok().and_then(|hop| address(hop.trim())) else {
                return Some(nearest);
            };
            nearest = address;
            if !self.has(address) {
                return Some(address);
            }
        }
        Some(nearest)
    }

    /// Whether an address is one of theirs.
    pub fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// What one subscriber has: its address, or of IPv6 its network (RFC 6177: /64).
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

/// An address, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address: IpAddr = bare.or_else(with_port).or_else(bracketed)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let proxies = Proxies(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        let mut headers = HeaderMap::new();
        for value in forwarded {
            let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append("x-forwarded-for", value);
        }
        proxies.client(&headers, &extensions).unwrap().to_string()
    }

    #[test]
    fn only_our_proxies_say_where_a_request_comes_from() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.7:8080"]), "198.51.100.7");
        // Through two of them; the first address the client wrote itself.
        assert_eq!(
            client("10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.2"]),
            "198.51.100.7"
        );
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "2001:db8::7"]), "2001:db8::7");
        assert_eq!(client("10.0.0.1", &["[2001:db8::7]:99"]), "2001:db8::7");
        // What cannot be read ends what can be believed.
        assert_eq!(
            client("10.0.0.1", &["198.51.100.7, unknown, 10.0.0.2"]),
            "10.0.0.2"
        );
        assert_eq!(client("10.0.0.1", &["é, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }
}
