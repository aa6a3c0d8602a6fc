//! What a token used up, and what it did.

use std::sync::Arc;

use http::StatusCode;

use super::fields::{Fields, whole};
use super::tokens::find;
use super::wire::{Activity, MinuteView, MonthView, UsageView};
use super::{Outcome, Refused};
use crate::admin::dialect::{Call, json};
use crate::auth::Peeked;
use crate::limit::{TokenLimits, Usage};
use crate::token::{Plan, Resolved, TokenRecord, TokenState};

/// Events of an answer where the caller does not say.
const DEFAULT_EVENTS: u64 = 100;
/// Most events of an answer.
const MAX_EVENTS: u64 = 1_000;
/// Most events passed over; no log keeps as many of one token by default.
const MAX_SKIP: u64 = 1_000_000;

/// A part of a token's activity.
pub(super) async fn activity(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let mut query = Fields::of_query(call.head.uri.query());
    let skip = query.take("skip", whole(0, MAX_SKIP)).unwrap_or(0);
    let limit = query.take("limit", whole(1, MAX_EVENTS)).unwrap_or(DEFAULT_EVENTS);
    query.end()?;
    let record = find(call, &actor).await?;
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    // One more than asked for tells whether there are more.
    let page = call.services.events.page(record.id, size(skip), size(limit) + 1);
    let mut events = call.services.ask(page).await?;
    let more = events.len() > size(limit);
    events.truncate(size(limit));
    let events = events.into_iter().map(Into::into).collect();
    let next_skip = more.then_some(skip + limit).filter(|next| *next <= MAX_SKIP);
    Ok(json(StatusCode::OK, &Activity { events, next_skip }))
}

/// What is used up of a token's limits.
pub(super) async fn usage(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let record = find(call, &actor).await?;
    Ok(json(StatusCode::OK, &used(call, &record).await?))
}

/// What the cache holds of a token, under any of its secrets.
pub(super) fn cached(call: &Call<'_>, record: &TokenRecord) -> Option<Peeked<TokenLimits>> {
    let (resolver, now) = (&call.services.resolver, call.services.clock.now());
    record.secrets.iter().find_map(|slot| resolver.peek(&slot.hash, now))
}

/// What is used up as limits see it.
pub(super) async fn used(call: &Call<'_>, record: &TokenRecord) -> Result<UsageView, Refused> {
    let services = call.services;
    if let Some(peeked) = cached(call, record) {
        // A lease on its way is counted by the store and held by nobody yet; in vain, it shows as used.
        let ended = peeked.token.state().lease_ended();
        let _ = tokio::time::timeout(services.cache.store_timeout, ended).await;
    }
    // Again: a fetch of the record meanwhile moves the limits to a new entry.
    let peeked = cached(call, record);
    let plan = match &peeked {
        Some(peeked) => Arc::clone(peeked.token.state().plan()),
        None => Arc::clone(services.service.policy().plans.resolve(&record.plan)),
    };
    let month = match &plan.month {
        Some(limit) => {
            let window = limit.window(record.created_at, services.clock.now().wall);
            Some(services.ask(services.counters.used(record.id, window)).await?)
        }
        None => None,
    };
    let now = services.clock.now();
    let usage = match &peeked {
        Some(peeked) => peeked.token.state().usage(now, month),
        // Unused here: the bucket is full.
        None => {
            let resolved = Resolved { record: record.clone(), lease: None, cells: None };
            TokenLimits::start(&resolved, &plan, now, false).usage(now, month)
        }
    };
    Ok(view(&plan, &usage, peeked.is_some()))
}

fn view(plan: &Plan, usage: &Usage, cached: bool) -> UsageView {
    let limited = plan.month.as_ref().is_some_and(|month| !month.is_unlimited());
    UsageView {
        plan: plan.name.to_string(),
        cached,
        minute: plan.minute.as_ref().map(|_| MinuteView {
            size: usage.minute_size,
            used: usage.minute_used,
            remaining: usage.minute_size.saturating_sub(usage.minute_used),
            refill_per_second: usage.minute_refill,
            full_at: usage.minute_full_at.to_string(),
        }),
        month: MonthView {
            size: limited.then_some(usage.month_size),
            used: usage.month_used,
            remaining: limited.then(|| usage.month_size.saturating_sub(usage.month_used)),
            resets_at: usage.month_refresh_at.to_string(),
        },
    }
}
