//! The embedded store against the conformance suite.

use super::*;
use crate::store::Stores;
use crate::store::conformance::{KEY, RETENTION};

async fn open() -> (Stores, ()) {
    let store = Embedded::open(None, KEY.fingerprint(), RETENTION, "the key of the tests").expect("opened");
    (crate::store::stores_of(Arc::new(store)), ())
}

mod conformance {
    crate::store::conformance::suite!(super::open);
}
