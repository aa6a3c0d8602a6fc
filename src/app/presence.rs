//! Tells the other sidecars of the store that this one is there.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::token::{Member, Presence};

/// How often within a member's life it is told.
const TIMES: u32 = 4;

/// Announces a sidecar until it is aborted. A store that does not answer hears of it later.
pub(super) async fn announce(presence: Arc<dyn Presence>, member: Member) {
    let mut interval = tokio::time::interval(Member::LIFE / TIMES);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if let Err(error) = presence.announce(member.clone()).await {
            tracing::debug!(%error, "this sidecar could not be announced");
        }
    }
}

/// Where others reach a listener: one on every address by the name of the machine.
pub(super) fn reached_at(address: SocketAddr) -> String {
    if !address.ip().is_unspecified() {
        return address.to_string();
    }
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => address.to_string(),
        name => format!("{name}:{}", address.port()),
    }
}
