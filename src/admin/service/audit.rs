//! The audit event of a change: who, from where, and what changed from which value to which. Never a secret or a hash.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Actor;
use crate::activity::{EventIds, EventKind, EventLog, EventRef};
use crate::clock::Timestamp;
use crate::token::{StoreError, TokenRecord};

/// Longest `data` of an event, in bytes; beyond it old and new values are left out and only field names stay.
const MAX_DATA: usize = u16::MAX as usize;

/// Writes one event after each change.
pub(super) struct Audit {
    log: Arc<dyn EventLog>,
    ids: Mutex<EventIds>,
}

impl Audit {
    pub(super) fn new(log: Arc<dyn EventLog>) -> Self {
        let [a, b, ..] = *uuid::Uuid::new_v4().as_bytes();
        Self { log, ids: Mutex::new(EventIds::new([a, b])) }
    }

    /// Records a change that has been made. It stands even if the event cannot be written; the log then tells it.
    pub(super) async fn write(
        &self,
        kind: EventKind,
        record: &TokenRecord,
        actor: &Actor,
        changes: Changes,
        now: Timestamp,
    ) {
        let data = changes.data(actor);
        let id = self.ids.lock().unwrap_or_else(PoisonError::into_inner).next(now);
        let mut frame = Vec::new();
        EventRef {
            id,
            token: record.id,
            serial: record.serial,
            at: now,
            kind,
            status: 0,
            address: actor.address,
            method: "",
            route: "",
            uri: "",
            user_agent: b"",
            request_id: actor.request_id.as_bytes(),
            data: &data,
        }
        .encode(&mut frame);
        let code = kind.code();
        match self.log.append(Bytes::from(frame)).await {
            Ok(()) => tracing::info!(token = %record.id, by = %actor.name, via = actor.via, "{code}"),
            Err(error) => {
                tracing::error!(token = %record.id, by = %actor.name, via = actor.via, %data, %error,
                    "{code}: the change is made, but its audit event could not be written");
            }
        }
    }
}

/// Runs a change together with its event, also when whoever asked has left by then: a caller that hangs up in between would
/// otherwise change tokens without a trace.
pub(super) async fn told_whole<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only the end of the process takes a task away.
            Err(_) => Err(StoreError::Unavailable("the sidecar is ending".to_owned()).into()),
        },
    }
}

/// What changed: field, old value, new value.
#[derive(Default)]
pub(super) struct Changes(Map<String, Value>);

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes a field whose value differs.
    pub(super) fn note(&mut self, field: &str, from: Value, to: Value) {
        if from != to {
            self.0.insert(field.to_owned(), json!({ "from": from, "to": to }));
        }
    }

    /// Notes a fact that has no old value.
    pub(super) fn fact(&mut self, field: &str, value: Value) {
        self.0.insert(field.to_owned(), value);
    }

    /// The fields of a new token.
    pub(super) fn of_new(record: &TokenRecord) -> Self {
        let mut changes = Self::default();
        changes.fact("name", json!(record.name));
        changes.fact("owner", json!(record.owner.name));
        changes.fact("account", json!(record.owner.account));
        changes.fact("scopes", json!(record.scopes));
        changes.fact("plan", json!(record.plan));
        changes.fact("status", json!(record.status));
        changes.fact("expires_at", json!(record.expires_at.map(|t| t.to_string())));
        changes.fact("networks", json!(record.networks.iter().map(ToString::to_string).collect::<Vec<_>>()));
        changes.fact("region", json!(record.region));
        changes
    }

    fn data(&self, actor: &Actor) -> String {
        let mut data = json!({
            "by": actor.name,
            "via": actor.via,
            "address": actor.address.to_string(),
            "changes": self.0,
        });
        if let Some(token) = actor.token {
            data["by_token"] = json!(token.to_string());
        }
        let text = data.to_string();
        if text.len() <= MAX_DATA {
            return text;
        }
        data["changes"] = self.0.keys().map(|field| (field.clone(), json!("too long to record"))).collect();
        data.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_long_values_leave_the_field_names() {
        let mut changes = Changes::default();
        changes.note("description", json!("a".repeat(40_000)), json!("b".repeat(40_000)));
        changes.note("name", json!("same"), json!("same"));
        let data = changes.data(&Actor::operator());
        assert!(data.len() < 300);
        let data: Value = serde_json::from_str(&data).expect("JSON");
        assert_eq!(data["changes"], json!({"description": "too long to record"}));
        assert_eq!(
            (&data["by"], &data["via"], &data["address"]),
            (&json!("operator"), &json!("cli"), &json!("127.0.0.1"))
        );
    }
}
