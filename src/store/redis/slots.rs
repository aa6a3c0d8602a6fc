//! Which node has which slot, as the cluster tells it.

use redis::{Cmd, Pipeline, Value};

use crate::store::Endpoint;

/// Slots of a cluster (Redis Cluster specification, "Key distribution model").
pub(super) const SLOTS: usize = 16_384;

/// The slot of a key: CRC16 (XMODEM) of what stands between its first brace and the next closing one, or of all of it.
pub(super) fn slot_of(key: &[u8]) -> usize {
    usize::from(crc16(tag_of(key))) % SLOTS
}

fn tag_of(key: &[u8]) -> &[u8] {
    let Some(open) = memchr::memchr(b'{', key) else { return key };
    let rest = &key[open + 1..];
    match memchr::memchr(b'}', rest) {
        Some(length @ 1..) => &rest[..length],
        _ => key,
    }
}

fn crc16(bytes: &[u8]) -> u16 {
    const TABLE: [u16; 256] = table();
    bytes.iter().fold(0, |crc, byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = (at as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
}

/// The key that decides where a command goes; of a script its first one.
pub(super) fn key_of(cmd: &Cmd) -> Option<&[u8]> {
    let mut args = cmd.args_iter().map(|arg| match arg {
        redis::Arg::Simple(bytes) => bytes,
        _ => &[],
    });
    match args.next()? {
        b"EVALSHA" | b"EVAL" => args.nth(2),
        b"PING" | b"SCRIPT" => None,
        _ => args.next(),
    }
}

/// How one node sees the cluster.
pub(super) struct View {
    /// Grows with every failover and every slot that has moved.
    pub(super) epoch: u64,
    /// Whether the node takes part in a majority and every slot is served.
    pub(super) sound: bool,
    /// The nodes that have slots, each once.
    pub(super) owners: Vec<Endpoint>,
    /// Per slot its owner, as a place in `owners`; [`u16::MAX`] where there is none.
    pub(super) of_slot: Vec<u16>,
    /// Their replicas: whom to ask when all owners are gone.
    pub(super) replicas: Vec<Endpoint>,
}

impl View {
    /// What asks for one.
    pub(super) fn question() -> Pipeline {
        let mut pipe = Pipeline::with_capacity(2);
        pipe.cmd("CLUSTER").arg("INFO");
        pipe.cmd("CLUSTER").arg("SLOTS");
        pipe
    }

    /// Reads the answers; `asked` is the host of nodes that do not know what they are called.
    pub(super) fn parse(answers: &[Value], asked: &str) -> Option<Self> {
        let [info, Value::Array(ranges)] = answers else { return None };
        let info = match info {
            Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?,
            Value::VerbatimString { text, .. } => text,
            _ => return None,
        };
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let mut view = Self {
            epoch: field("cluster_current_epoch")?.trim().parse().ok()?,
            sound: field("cluster_state")?.trim() == "ok",
            owners: Vec::new(),
            of_slot: vec![u16::MAX; SLOTS],
            replicas: Vec::new(),
        };
        for range in ranges {
            let Value::Array(range) = range else { return None };
            let [Value::Int(first), Value::Int(last), owner, replicas @ ..] = &range[..] else { return None };
            let (first, last) = (usize::try_from(*first).ok()?, usize::try_from(*last).ok()?);
            let Some(owner) = endpoint(owner, asked) else { continue };
            let known = view.owners.iter().position(|known| *known == owner);
            let place = known.unwrap_or_else(|| {
                view.owners.push(owner);
                view.owners.len() - 1
            });
            view.of_slot.get_mut(first..=last)?.fill(u16::try_from(place).ok()?);
            view.replicas.extend(replicas.iter().filter_map(|replica| endpoint(replica, asked)));
        }
        Some(view)
    }
}

/// A node: host, port, id and more. A host that is nil or empty is the one that was asked.
fn endpoint(node: &Value, asked: &str) -> Option<Endpoint> {
    let Value::Array(node) = node else { return None };
    let [host, Value::Int(port), ..] = &node[..] else { return None };
    let host = match host {
        Value::Nil => asked,
        Value::BulkString(host) => match std::str::from_utf8(host).ok()? {
            "" => asked,
            // It has a name that it was not told.
            "?" => return None,
            host => host,
        },
        _ => return None,
    };
    Some(Endpoint { host: host.to_owned(), port: u16::try_from(*port).ok().filter(|port| *port != 0)? })
}

/// Reads the `host:port` of a redirection; without a host it is that of the node that redirects.
pub(super) fn redirection(to: &str, from: &str) -> Option<Endpoint> {
    let (host, port) = to.rsplit_once(':')?;
    let host = if host.is_empty() { from } else { host };
    Some(Endpoint { host: host.trim_matches(['[', ']']).to_owned(), port: port.parse().ok()? })
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn slots_follow_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(slot_of(b"foo{bar}zap"), slot_of(b"bar"));
        assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"user1000"));
        assert_eq!(slot_of(b"foo{{bar}}zap"), slot_of(b"{bar"));
        for whole in [&b"foo{}{bar}"[..], b"foo{bar", b"foo}bar{", b""] {
            assert_eq!(slot_of(whole), usize::from(crc16(whole)) % SLOTS);
        }
    }

    #[test]
    fn the_key_of_a_command_is_found() {
        let mut get = redis::cmd("GET");
        assert_eq!(key_of(get.arg("k")), Some(&b"k"[..]));
        let mut script = redis::cmd("EVALSHA");
        assert_eq!(key_of(script.arg("digest").arg(2).arg("one").arg("two").arg("x")), Some(&b"one"[..]));
        assert_eq!(key_of(&redis::cmd("PING")), None);
        assert_eq!(key_of(redis::cmd("SCRIPT").arg("LOAD").arg("x")), None);
    }

    #[test]
    fn redirections_are_read() {
        let read = |to: &str| redirection(to, "::1").map(|at| at.to_string());
        assert_eq!(read("10.0.0.1:7000").as_deref(), Some("10.0.0.1:7000"));
        assert_eq!(read(":7000").as_deref(), Some("[::1]:7000"));
        assert_eq!(read("fe80::2:7000").as_deref(), Some("[fe80::2]:7000"));
        for broken in ["", "host", "host:", "host:70000"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }
}
