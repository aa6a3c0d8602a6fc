//! Where a request would go, asked without sending it: the first steps of [`Core`](super::Core), on a head made up for it.

use http::header::HOST;
use http::request::Parts;
use http::{Method, Request, Version};

use super::reject::Rejection;
use super::route::RouteTable;
use super::{host, path, refuse_methods};

/// Why a request takes no route.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unplaced {
    /// Status of the answer.
    pub(crate) status: u16,
    /// Name of the problem.
    pub(crate) reason: &'static str,
    /// In words, with the methods of the path where it is the method.
    pub(crate) detail: String,
}

impl RouteTable {
    /// Position of the route that a request takes, as in the configuration, and its path in normal form.
    ///
    /// # Errors
    /// The answer that it gets instead.
    pub(crate) fn place(&self, method: &Method, host: Option<&str>, path: &str) -> Result<(usize, String), Unplaced> {
        let head = made_up(method, host, path)?;
        self.taken_by(&head).map_err(|rejection| unplaced(&rejection))
    }

    fn taken_by(&self, head: &Parts) -> Result<(usize, String), Rejection> {
        refuse_methods(&head.method)?;
        let host = host::of(head, self.ignores_hosts())?;
        let path = path::normalise(head.uri.path())?;
        let route = self.find(host.name.as_deref(), &path, &head.method)?;
        Ok((route.index, path.into_owned()))
    }
}

impl From<path::Ambiguous> for Rejection {
    fn from(_: path::Ambiguous) -> Self {
        Self::BadRequest("The path can be read in more than one way.")
    }
}

/// A head that asks for this, or why nobody can send it. Without a host it is one of HTTP/1.0, where that is allowed.
fn made_up(method: &Method, host: Option<&str>, path: &str) -> Result<Parts, Unplaced> {
    let cannot = |_| unplaced(&Rejection::BadRequest("A request with this path or host cannot be written."));
    let version = if host.is_some() { Version::HTTP_11 } else { Version::HTTP_10 };
    let mut head = Request::builder().method(method).uri(path).version(version);
    if let Some(host) = host {
        head = head.header(HOST, host);
    }
    head.body(()).map(|request| request.into_parts().0).map_err(cannot)
}

fn unplaced(rejection: &Rejection) -> Unplaced {
    let (reason, _, detail) = rejection.texts();
    let detail = match rejection {
        Rejection::Method(allow) => format!("{detail} It is for {}.", allow.to_str().unwrap_or_default()),
        _ => detail.to_owned(),
    };
    Unplaced { status: rejection.status().as_u16(), reason, detail }
}
