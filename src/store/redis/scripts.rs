//! The scripts, known by name in Rust and by digest in Redis.

use redis::Cmd;

/// One script: its text, and the digest by which a server that has seen it runs it.
pub(super) struct Script {
    code: String,
    digest: String,
}

impl Script {
    fn new(head: &str, parts: &[&str]) -> Self {
        let code = format!("{head}{}", parts.concat());
        let digest = redis::Script::new(&code).get_hash().to_owned();
        Self { code, digest }
    }

    /// The call by digest; fails with NOSCRIPT on a server that does not know the script.
    pub(super) fn by_digest(&self, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
        Self::command(b"EVALSHA", self.digest.as_bytes(), keys, args)
    }

    /// The call with the whole text; makes the server know the script.
    pub(super) fn in_full(&self, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
        Self::command(b"EVAL", self.code.as_bytes(), keys, args)
    }

    /// Makes the server know the script.
    pub(super) fn load(&self) -> Cmd {
        let mut cmd = Cmd::new();
        cmd.arg(b"SCRIPT").arg(b"LOAD").arg(self.code.as_bytes());
        cmd
    }

    fn command(verb: &[u8], script: &[u8], keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
        let bytes = script.len() + keys.iter().chain(args).map(|part| part.len()).sum::<usize>() + 16;
        let mut cmd = Cmd::with_capacity(3 + keys.len() + args.len(), bytes);
        cmd.arg(verb).arg(script).arg(keys.len());
        for part in keys.iter().chain(args) {
            cmd.arg(*part);
        }
        cmd
    }
}

/// Every script.
pub(super) struct Scripts {
    pub(super) resolve: Script,
    pub(super) reserve: Script,
    pub(super) cells: Script,
    pub(super) give_back: Script,
    pub(super) used: Script,
    pub(super) create: Script,
    pub(super) update: Script,
    pub(super) revoke: Script,
    pub(super) tombstone: Script,
    pub(super) claim: Script,
    pub(super) release: Script,
    pub(super) replay: Script,
    pub(super) spooled: Script,
    pub(super) orphan: Script,
    pub(super) event: Script,
    pub(super) announce: Script,
    pub(super) members: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        /// A full server must still let known tokens in: leasing writes a few bytes into a hash that mostly exists.
        const LEASING: &str = "#!lua flags=allow-oom\n";
        let lease = include_str!("lease.lua");
        let bucket = include_str!("bucket.lua");
        Self {
            resolve: Script::new(LEASING, &[lease, bucket, include_str!("resolve.lua")]),
            reserve: Script::new(LEASING, &[lease, include_str!("reserve.lua")]),
            cells: Script::new(LEASING, &[bucket, include_str!("cells.lua")]),
            give_back: Script::new(LEASING, &[lease, include_str!("give_back.lua")]),
            used: Script::new("#!lua flags=no-writes\n", &[lease, include_str!("used.lua")]),
            create: Script::new("", &[include_str!("create.lua")]),
            update: Script::new("", &[include_str!("update.lua")]),
            revoke: Script::new("", &[include_str!("revoke.lua")]),
            tombstone: Script::new("", &[include_str!("tombstone.lua")]),
            claim: Script::new("", &[include_str!("claim.lua")]),
            release: Script::new("", &[include_str!("release.lua")]),
            replay: Script::new("", &[include_str!("replay.lua")]),
            spooled: Script::new("", &[include_str!("spooled.lua")]),
            orphan: Script::new("", &[include_str!("orphan.lua")]),
            event: Script::new("", &[include_str!("event.lua")]),
            announce: Script::new("", &[include_str!("announce.lua")]),
            members: Script::new("", &[include_str!("members.lua")]),
        }
    }

    /// All of them, for loading at connect.
    pub(super) fn all(&self) -> [&Script; 17] {
        [
            &self.resolve,
            &self.reserve,
            &self.cells,
            &self.give_back,
            &self.used,
            &self.create,
            &self.update,
            &self.revoke,
            &self.tombstone,
            &self.claim,
            &self.release,
            &self.replay,
            &self.spooled,
            &self.orphan,
            &self.event,
            &self.announce,
            &self.members,
        ]
    }
}
