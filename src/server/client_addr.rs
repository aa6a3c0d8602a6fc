//! Who is at the other end: the socket's peer, and the client behind trusted proxies.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// The socket's other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeerAddr(pub(crate) SocketAddr);

impl PeerAddr {
    /// Its address, an IPv4 address inside IPv6 as plain IPv4.
    pub(crate) fn ip(&self) -> IpAddr {
        self.0.ip().to_canonical()
    }
}

/// The client after the trusted-proxy rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddr(pub(crate) IpAddr);

/// Whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this address is a trusted hop.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        !self.0.is_empty() && self.0.iter().any(|net| net.contains(&address))
    }

    /// The client: the peer itself, or, behind trusted peers, the right-most element of `X-Forwarded-For` that is not a
    /// trusted hop. An element that is no address ends the walk at the last one understood.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddr {
        let mut client = peer;
        if !self.trusts(peer) {
            return ClientAddr(client);
        }
        // By bytes: a caller's odd byte must not hide what the proxy behind it wrote into the same field.
        let fields: Vec<&[u8]> = headers.get_all("x-forwarded-for").iter().map(|value| value.as_bytes()).collect();
        for element in fields.iter().rev().flat_map(|field| field.rsplit(|byte| *byte == b',')) {
            let Some(address) = std::str::from_utf8(element).ok().and_then(|text| parse(text.trim())) else { break };
            client = address;
            if !self.trusts(address) {
                break;
            }
        }
        ClientAddr(client)
    }
}

/// An address as proxies write it: bare, in brackets, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    address.or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_hops_are_walked_back() {
        let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
        let client = |peer: &str, fields: &[&str]| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append("x-forwarded-for", field.parse().expect("a value"));
            }
            trusted.client(peer.parse().expect("an address"), &headers).0.to_string()
        };
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["spoof, 10.0.0.9"]), "10.0.0.9");
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(client("10.0.0.1", &["garbage"]), "10.0.0.1");
        let mut headers = HeaderMap::new();
        let field = http::HeaderValue::from_bytes(b"\xff, 198.51.100.7").expect("a value");
        headers.append("x-forwarded-for", field);
        let peer = "10.0.0.1".parse().expect("an address");
        assert_eq!(trusted.client(peer, &headers).0.to_string(), "198.51.100.7", "an odd byte hides nothing");
    }
}
