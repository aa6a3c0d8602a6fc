//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10): what a caller has left, on every answer
//! for a token.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::clock::Timestamp;
use crate::limit::{Admission, Exceeded, LimitKind};
use crate::token::{Plan, PlanTable};

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What is left, as far as a charge told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    /// Calls left in the bucket, seconds until it is full.
    minute: Option<(u32, u64)>,
    /// Calls left of the quota, and when calls come free.
    month: Option<(u64, Timestamp)>,
}

impl Told {
    pub(super) fn of(admission: &Admission) -> Self {
        Self { minute: admission.minute, month: admission.month }
    }

    pub(super) fn of_exceeded(exceeded: &Exceeded, now: Timestamp) -> Self {
        let wait = u64::try_from(exceeded.retry_after.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1);
        match exceeded.limit {
            LimitKind::Minute => Self { minute: Some((0, wait)), month: exceeded.month },
            LimitKind::Month => Self { minute: None, month: Some((0, now.plus(exceeded.retry_after))) },
        }
    }

    /// Sets both fields; replaces an upstream's own.
    pub(super) fn write(&self, headers: &mut HeaderMap, policy: &HeaderValue, now: Timestamp) {
        let mut text = Text { bytes: [0; 128], length: 0 };
        if let Some((left, wait)) = self.minute {
            text.push(b"\"minute\";r=");
            text.push_number(u64::from(left));
            text.push(b";t=");
            text.push_number(wait);
        }
        if let Some((left, refresh_at)) = self.month {
            text.push(if text.length == 0 { b"\"month\";r=" } else { b", \"month\";r=" });
            text.push_number(left);
            text.push(b";t=");
            text.push_number(refresh_at.since(now).as_secs());
        }
        if text.length == 0 {
            return;
        }
        if let Ok(value) = HeaderValue::from_bytes(&text.bytes[..text.length]) {
            headers.insert(RATELIMIT, value);
            headers.insert(RATELIMIT_POLICY, policy.clone());
        }
    }
}

/// A field value on the stack: two names and four numbers fit in 128 bytes.
struct Text {
    bytes: [u8; 128],
    length: usize,
}

impl Text {
    fn push(&mut self, part: &[u8]) {
        self.bytes[self.length..self.length + part.len()].copy_from_slice(part);
        self.length += part.len();
    }

    fn push_number(&mut self, number: u64) {
        self.push(itoa::Buffer::new().format(number).as_bytes());
    }
}

/// The `RateLimit-Policy` of each plan, by its index; a plan without limits has none to tell.
pub(super) fn policies(plans: &PlanTable) -> Vec<HeaderValue> {
    let mut values = vec![HeaderValue::from_static(""); plans.iter().count()];
    for plan in plans.iter() {
        // Numbers and constant names only, so the value is always valid.
        values[plan.index] = HeaderValue::from_str(&policy(plan)).unwrap_or(HeaderValue::from_static(""));
    }
    values
}

fn policy(plan: &Plan) -> String {
    let minute = plan.minute.as_ref().map(|limit| format!("\"minute\";q={};w={}", limit.size, limit.window_seconds()));
    let month = plan.month.as_ref().filter(|limit| !limit.is_unlimited());
    let month = month.map(|limit| format!("\"month\";q={};w={}", limit.size, limit.window_seconds()));
    let parts: Vec<String> = minute.into_iter().chain(month).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn fields_name_what_is_left_and_when_more_comes() {
        let now = Timestamp::from_millis(1_000_000);
        let policy = HeaderValue::from_static("p");
        let mut headers = HeaderMap::new();
        Told { minute: Some((599, 1)), month: Some((u64::MAX, now.plus(Duration::from_secs(90)))) }.write(
            &mut headers,
            &policy,
            now,
        );
        assert_eq!(headers["ratelimit"], "\"minute\";r=599;t=1, \"month\";r=18446744073709551615;t=90");
        let exceeded = Exceeded { limit: LimitKind::Minute, retry_after: Duration::from_millis(1_500), month: None };
        Told::of_exceeded(&exceeded, now).write(&mut headers, &policy, now);
        assert_eq!(headers["ratelimit"], "\"minute\";r=0;t=2");
        assert_eq!(headers["ratelimit-policy"], "p");
    }
}
