//! Listings: owners in order, the tokens of each in order, and the sweeping of members without a record.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::{Cmd, Value};

use super::call::Call;
use super::keys::{Member, id_of_member, owner_member, parse_record, token_member};
use super::{Core, UNHURRIED, unexpected};
use crate::token::{Listing, Owner, Page, SortBy, StoreError, TokenRecord, hex, parse_hex};

/// Owners whose indexes are read in one round trip.
const OWNERS_AT_ONCE: usize = 32;
/// Members read of one index, and records read, in one round trip: a thousand tokens and one that tells of more are two.
pub(super) const TOKENS_AT_ONCE: usize = 1024;
/// A member that dangles is swept when it still does so long after it was first seen to: no creation, which writes the
/// member ahead of its record, takes that long.
const SWEEP_AFTER: Duration = Duration::from_secs(60);
/// Dangling members remembered.
const MOST_DANGLING: usize = 4096;

/// Members that were seen without a record, and when first.
#[derive(Default)]
pub(super) struct Dangling(Mutex<HashMap<Member, Instant>>);

impl Dangling {
    /// Notes the members seen dangling now and returns those that have been for long.
    fn due(&self, seen: Vec<Member>, now: Instant) -> Vec<Member> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_DANGLING {
            // Those that were mended or swept by others are never seen again.
            known.retain(|_, first| now.duration_since(*first) < 10 * SWEEP_AFTER);
        }
        let mut due = Vec::new();
        for member in seen {
            match known.get(&member) {
                Some(first) if now.duration_since(*first) >= SWEEP_AFTER => {
                    known.remove(&member);
                    due.push(member);
                }
                Some(_) => {}
                None if known.len() < MOST_DANGLING => drop(known.insert(member, now)),
                None => {}
            }
        }
        due
    }
}

/// A place in a listing: just after this member of this owner, or of this account for the newest of an account. The two
/// cannot be confused: only an owner holds a zero.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    owner: Vec<u8>,
    member: Vec<u8>,
}

impl Place {
    /// Sort, length of the owner, owner and member, in hex.
    fn print(&self, sort: SortBy) -> String {
        let mut bytes = vec![sort_byte(sort)];
        bytes.extend_from_slice(&(self.owner.len() as u32).to_be_bytes());
        bytes.extend_from_slice(&self.owner);
        bytes.extend_from_slice(&self.member);
        hex(&bytes)
    }

    fn parse(text: &str, sort: SortBy) -> Option<Self> {
        let bytes = parse_hex(text)?;
        let (kind, rest) = bytes.split_first()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (owner, member) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        (*kind == sort_byte(sort)).then(|| Self { owner: owner.to_vec(), member: member.to_vec() })
    }
}

fn sort_byte(sort: SortBy) -> u8 {
    match sort {
        SortBy::Name => b'n',
        SortBy::Created => b'd',
        SortBy::Newest => b'r',
    }
}

/// A walk through one listing.
struct Walk {
    sort: SortBy,
    /// The owners still to come as a range of the owner index; `None` for a single owner or account, whose only name is
    /// `single`.
    owners: Option<(Vec<u8>, Vec<u8>)>,
    single: Option<Vec<u8>>,
    /// Where the first owner to come goes on.
    resume: Option<Place>,
}

impl Core {
    /// One page.
    pub(super) async fn list(&self, listing: Listing) -> Result<Page, StoreError> {
        let Some(mut walk) = Walk::new(&listing) else { return Ok(Page { records: Vec::new(), next: None }) };
        // One more than asked for tells whether there is a next page.
        let want = listing.limit.saturating_add(1);
        let mut found: Vec<(Place, TokenRecord)> = Vec::new();
        while listing.limit > 0 && found.len() < want {
            let owners = self.owners_of(&mut walk).await?;
            if owners.is_empty() {
                break;
            }
            let places = self.places(&mut walk, owners, want - found.len()).await?;
            for part in places.chunks(TOKENS_AT_ONCE) {
                found.extend(self.records_at(part, walk.sort).await?);
            }
        }
        let more = found.len() > listing.limit;
        found.truncate(listing.limit);
        let next = found.last().filter(|_| more).map(|(place, _)| place.print(listing.sort));
        Ok(Page { records: found.into_iter().map(|(_, record)| record).collect(), next })
    }

    /// The next owners of the walk; empty at the end.
    async fn owners_of(&self, walk: &mut Walk) -> Result<Vec<Vec<u8>>, StoreError> {
        if let Some(single) = walk.single.take() {
            return Ok(vec![single]);
        }
        let Some((low, high)) = &mut walk.owners else { return Ok(Vec::new()) };
        let cmd = range(&self.target.keys.owners(), low, high, OWNERS_AT_ONCE);
        let call = Call::repeatable("listing owners", UNHURRIED);
        let owners = texts(self.admin.command(call, &cmd).await?)?;
        if let Some(last) = owners.last() {
            *low = bound(b'(', last);
        }
        Ok(owners)
    }

    /// Up to `want` places of these owners, in order. The walk goes on where they end.
    async fn places(&self, walk: &mut Walk, owners: Vec<Vec<u8>>, want: usize) -> Result<Vec<Place>, StoreError> {
        let most = want.min(TOKENS_AT_ONCE);
        let resume = walk.resume.take();
        let mut pipe = redis::pipe();
        for owner in &owners {
            let from = match &resume {
                Some(place) if place.owner == *owner => bound(b'(', &place.member),
                _ if walk.sort == SortBy::Newest => b"+".to_vec(),
                _ => b"-".to_vec(),
            };
            let index = self.order(owner, walk.sort);
            pipe.add_command(match walk.sort {
                SortBy::Newest => reverse_range(&index, &from, most),
                SortBy::Name | SortBy::Created => range(&index, &from, b"+", most),
            });
        }
        let answers = self.admin.pipeline(Call::repeatable("listing tokens", UNHURRIED), &pipe).await?;
        let mut places = Vec::new();
        for (owner, answer) in owners.into_iter().zip(answers) {
            let members = texts(answer)?;
            let full = members.len() == most;
            places.extend(members.into_iter().map(|member| Place { owner: owner.clone(), member }));
            if full || places.len() >= want {
                if let Some(last) = places.last() {
                    walk.go_on_after(last.clone());
                }
                break;
            }
        }
        Ok(places)
    }

    /// The records at these places; those without one are noted and left out.
    async fn records_at(&self, places: &[Place], sort: SortBy) -> Result<Vec<(Place, TokenRecord)>, StoreError> {
        let mut pipe = redis::pipe();
        let mut asked = Vec::with_capacity(places.len());
        for place in places {
            if let Some(id) = id_of_member(&place.member) {
                pipe.cmd("GET").arg(self.target.keys.record(&id.short()));
                asked.push((place, id));
            }
        }
        let answers = self.admin.pipeline(Call::repeatable("listing tokens", UNHURRIED), &pipe).await?;
        let mut found = Vec::with_capacity(answers.len());
        let mut dangling = Vec::new();
        for ((place, id), answer) in asked.into_iter().zip(answers) {
            let record = match answer {
                Value::BulkString(packed) => Some(parse_record(&packed)?),
                _ => None,
            };
            let stands = |record: &TokenRecord| {
                record.id == id
                    && (owner_member(&record.owner) == place.owner || record.owner.account.as_bytes() == place.owner)
                    && token_member(record, sort) == place.member
            };
            match record.filter(stands) {
                Some(record) => found.push((place.clone(), record)),
                None => dangling.push((self.order(&place.owner, sort), place.member.clone())),
            }
        }
        self.sweep(dangling).await;
        Ok(found)
    }

    /// The index of an owner or account in one order.
    fn order(&self, owner: &[u8], sort: SortBy) -> Vec<u8> {
        match std::str::from_utf8(owner) {
            Ok(account) if sort == SortBy::Newest && !owner.contains(&0) => self.target.keys.account(account),
            _ => self.target.keys.index(owner, sort),
        }
    }

    /// Removes members that were seen without a record before, and notes the others.
    pub(super) async fn sweep(&self, seen: Vec<Member>) {
        if seen.is_empty() {
            return;
        }
        let mut pipe = redis::pipe();
        for (index, member) in self.dangling.due(seen, Instant::now()) {
            pipe.cmd("ZREM").arg(index).arg(member);
        }
        if self.admin.pipeline(Call::repeatable("sweeping", UNHURRIED), &pipe).await.is_err() {
            tracing::debug!("members without a token could not be swept; the next listing tries again");
        }
    }
}

impl Walk {
    /// `None` if the cursor belongs to no listing of this kind: there is nothing after it.
    fn new(listing: &Listing) -> Option<Self> {
        let resume = match &listing.after {
            Some(text) => Some(Place::parse(text, listing.sort)?),
            None => None,
        };
        if let Some(owner) = listing.single_owner() {
            return Some(Self { sort: listing.sort, owners: None, single: Some(owner_member(&owner)), resume });
        }
        if listing.sort == SortBy::Newest {
            let account = listing.account.clone().unwrap_or_else(|| Owner::default().account);
            return Some(Self { sort: listing.sort, owners: None, single: Some(account.into_bytes()), resume });
        }
        let (low, high) = match &listing.account {
            Some(account) => ([b"[", account.as_bytes(), b"\0"].concat(), [b"(", account.as_bytes(), b"\x01"].concat()),
            None => (b"-".to_vec(), b"+".to_vec()),
        };
        let low = match &resume {
            Some(place) => bound(b'[', &place.owner).max(low),
            None => low,
        };
        Some(Self { sort: listing.sort, owners: Some((low, high)), single: None, resume })
    }

    fn go_on_after(&mut self, place: Place) {
        match &mut self.owners {
            Some((low, _)) => *low = bound(b'[', &place.owner),
            None => self.single = Some(place.owner.clone()),
        }
        self.resume = Some(place);
    }
}

fn bound(kind: u8, member: &[u8]) -> Vec<u8> {
    [&[kind][..], member].concat()
}

fn range(index: &[u8], low: &[u8], high: &[u8], most: usize) -> Cmd {
    let mut cmd = redis::cmd("ZRANGE");
    cmd.arg(index).arg(low).arg(high).arg("BYLEX").arg("LIMIT").arg(0).arg(most);
    cmd
}

fn reverse_range(index: &[u8], from: &[u8], most: usize) -> Cmd {
    let mut cmd = redis::cmd("ZRANGE");
    cmd.arg(index).arg(from).arg("-").arg("BYLEX").arg("REV").arg("LIMIT").arg(0).arg(most);
    cmd
}

fn texts(answer: Value) -> Result<Vec<Vec<u8>>, StoreError> {
    let wrong = || unexpected("listing");
    let Value::Array(items) = answer else { return Err(wrong()) };
    let text = |item| match item {
        Value::BulkString(text) => Ok(text),
        _ => Err(wrong()),
    };
    items.into_iter().map(text).collect()
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn cursors_survive_and_belong_to_one_order() {
        let place = Place { owner: b"a\0b".to_vec(), member: vec![0, 255, 7] };
        let text = place.print(SortBy::Name);
        assert_eq!(Place::parse(&text, SortBy::Name), Some(place));
        assert_eq!(Place::parse(&text, SortBy::Created), None);
        for broken in ["", "zz", "6", "6e", "6effffffff", "ääää"] {
            assert_eq!(Place::parse(broken, SortBy::Name), None, "{broken}");
        }
    }

    #[test]
    fn a_member_is_swept_only_when_it_dangles_for_long() {
        let (dangling, start) = (Dangling::default(), Instant::now());
        let member = || vec![(b"index".to_vec(), b"member".to_vec())];
        assert_eq!(dangling.due(member(), start), []);
        assert_eq!(dangling.due(member(), start + SWEEP_AFTER / 2), []);
        assert_eq!(dangling.due(member(), start + SWEEP_AFTER), member());
        assert_eq!(dangling.due(member(), start + SWEEP_AFTER), [], "forgotten once swept");
    }
}
