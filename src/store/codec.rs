//! The packed form of a record, the same in both stores.
//!
//! Version byte, creation time (i64, big-endian milliseconds), status byte, length and bytes of the plan's name, then the
//! rest in postcard. The head stands in plain bytes so that a Redis script can lease quota without decoding the rest.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::token::{Form, MadeWith, Owner, Scope, SecretHash, SecretSlot, Status, StoreError, TokenId, TokenRecord};

const VERSION: u8 = 2;
/// Status byte of a token that may be used.
const ENABLED: u8 = 1;

/// Everything behind the plain head. Fields are read in this order: append only, with a new [`VERSION`].
#[derive(Serialize, Deserialize)]
struct Body {
    id: TokenId,
    serial: u64,
    generation: u64,
    name: String,
    description: String,
    owner: Owner,
    scopes: Vec<Scope>,
    updated_at: Timestamp,
    expires_at: Option<Timestamp>,
    created_by: String,
    modified_by: String,
    labels: BTreeMap<String, String>,
    /// JSON text: postcard cannot hold self-describing values.
    metadata: String,
    personal: bool,
    region: String,
    networks: Vec<(IpAddr, u8)>,
    form: Form,
    secrets: Vec<Slot>,
    made_with: Option<MadeWith>,
}

#[derive(Serialize, Deserialize)]
struct Slot {
    hash: SecretHash,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
}

/// Packs a record.
pub(crate) fn encode(record: &TokenRecord) -> Result<Vec<u8>, StoreError> {
    let body = Body {
        id: record.id,
        serial: record.serial,
        generation: record.generation,
        name: record.name.clone(),
        description: record.description.clone(),
        owner: record.owner.clone(),
        scopes: record.scopes.clone(),
        updated_at: record.updated_at,
        expires_at: record.expires_at,
        created_by: record.created_by.clone(),
        modified_by: record.modified_by.clone(),
        labels: record.labels.clone(),
        metadata: if record.metadata.is_empty() {
            String::new()
        } else {
            serde_json::to_string(&record.metadata).map_err(corrupt)?
        },
        personal: record.personal,
        region: record.region.clone(),
        networks: record.networks.iter().map(|net| (net.addr(), net.prefix_len())).collect(),
        form: record.form,
        secrets: record
            .secrets
            .iter()
            .map(|slot| Slot { hash: slot.hash, created_at: slot.created_at, expires_at: slot.expires_at })
            .collect(),
        made_with: record.made_with.clone(),
    };
    let plan = record.plan.as_bytes();
    let Ok(plan_length) = u8::try_from(plan.len()) else {
        return Err(StoreError::Corrupt("a plan name is longer than 255 bytes".to_owned()));
    };
    let mut packed = Vec::with_capacity(256);
    packed.push(VERSION);
    packed.extend_from_slice(&record.created_at.as_millis().to_be_bytes());
    packed.push(if record.status == Status::Enabled { ENABLED } else { 0 });
    packed.push(plan_length);
    packed.extend_from_slice(plan);
    postcard::to_extend(&body, packed).map_err(corrupt)
}

/// Reads what [`encode`] packed.
pub(crate) fn decode(packed: &[u8]) -> Result<TokenRecord, StoreError> {
    let cut = || StoreError::Corrupt("a token record is cut".to_owned());
    let (head, rest) = packed.split_first_chunk::<11>().ok_or_else(cut)?;
    if head[0] != VERSION {
        let message = format!("a token record has version {}; this build reads version {VERSION}", head[0]);
        return Err(StoreError::Corrupt(message));
    }
    let mut created_at = [0; 8];
    created_at.copy_from_slice(&head[1..9]);
    let (plan, rest) = rest.split_at_checked(usize::from(head[10])).ok_or_else(cut)?;
    let body: Body = postcard::from_bytes(rest).map_err(corrupt)?;
    let networks = body.networks.into_iter().map(|(addr, prefix)| IpNet::new(addr, prefix).map_err(corrupt));
    Ok(TokenRecord {
        id: body.id,
        serial: body.serial,
        generation: body.generation,
        name: body.name,
        description: body.description,
        owner: body.owner,
        scopes: body.scopes,
        status: if head[9] == ENABLED { Status::Enabled } else { Status::Disabled },
        created_at: Timestamp::from_millis(i64::from_be_bytes(created_at)),
        updated_at: body.updated_at,
        expires_at: body.expires_at,
        created_by: body.created_by,
        modified_by: body.modified_by,
        labels: body.labels,
        metadata: if body.metadata.is_empty() {
            serde_json::Map::new()
        } else {
            serde_json::from_str(&body.metadata).map_err(corrupt)?
        },
        personal: body.personal,
        plan: String::from_utf8(plan.to_vec()).map_err(corrupt)?,
        region: body.region,
        networks: networks.collect::<Result<_, _>>()?,
        form: body.form,
        secrets: body
            .secrets
            .into_iter()
            .map(|slot| SecretSlot { hash: slot.hash, created_at: slot.created_at, expires_at: slot.expires_at })
            .collect(),
        made_with: body.made_with,
    })
}

fn corrupt(cause: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("a token record cannot be read or written: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{HashKey, PlainSecret};

    fn sample() -> TokenRecord {
        let key = HashKey::new(&[1; 32]).expect("long enough");
        let (_, hash, id) = PlainSecret::mint(Form::Tg, &key, Timestamp::system());
        let at = Timestamp::from_millis(1_900_000_000_000);
        TokenRecord {
            id,
            serial: 7,
            generation: 3,
            name: "näme".to_owned(),
            description: String::new(),
            owner: Owner::new("acme", "mira"),
            scopes: vec!["orders.*".parse().expect("a scope")],
            status: Status::Disabled,
            created_at: at,
            updated_at: at,
            expires_at: Some(at),
            created_by: "mira".to_owned(),
            made_with: Some(MadeWith { id, name: "admin".to_owned() }),
            modified_by: "mira".to_owned(),
            labels: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
            metadata: serde_json::json!({"a": [1, null]}).as_object().cloned().unwrap_or_default(),
            personal: true,
            plan: "default".to_owned(),
            region: "eu".to_owned(),
            networks: vec!["10.0.0.0/8".parse().expect("a network")],
            form: Form::Xms,
            secrets: vec![SecretSlot { hash, created_at: at, expires_at: None }],
        }
    }

    #[test]
    fn records_survive_the_round_trip() {
        let record = sample();
        assert_eq!(decode(&encode(&record).expect("packs")).expect("reads"), record);
    }

    #[test]
    fn a_cut_record_is_an_error_and_never_a_panic() {
        let packed = encode(&sample()).expect("packs");
        for end in 0..packed.len() {
            assert!(decode(&packed[..end]).is_err(), "cut at {end}");
        }
        let mut other = packed;
        other[0] = 9;
        assert!(matches!(decode(&other), Err(StoreError::Corrupt(_))));
    }
}
