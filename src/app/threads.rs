//! The data-plane threads: one single-threaded runtime each.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use tokio::sync::watch;

use crate::admin::AdminPlane;
use crate::proxy::{Core, ProxyMetrics, Services, TokenSelf};
use crate::server::{Bound, CoarseTimer, Lane, serve};

/// The running threads.
pub(super) struct DataPlane {
    threads: Vec<JoinHandle<std::io::Result<()>>>,
}

impl DataPlane {
    /// Starts a thread per bound listener.
    pub(super) fn start(
        services: &Arc<Services>,
        cells: &ProxyMetrics,
        bound: Bound,
        draining: &watch::Receiver<bool>,
    ) -> Result<Self, String> {
        let mut threads = Vec::with_capacity(bound.listeners.len());
        for (number, listener) in bound.listeners.into_iter().enumerate() {
            let lane = Lane {
                listener,
                limits: services.config.limits,
                clock: services.clock.clone(),
                draining: draining.clone(),
            };
            let (services, cells) = (Arc::clone(services), cells.thread(number));
            let thread = std::thread::Builder::new().name(format!("data-{number}")).spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default())?;
                runtime.block_on(async move {
                    let timer = CoarseTimer::default();
                    serve(lane, timer.clone(), Core::new(services, cells, timer)).await
                })
            });
            threads.push(thread.map_err(|error| format!("a data thread cannot be started: {error}"))?);
        }
        Ok(Self { threads })
    }

    /// Waits until every thread has drained.
    pub(super) async fn join(self) -> Result<(), String> {
        let joined = tokio::task::spawn_blocking(move || {
            self.threads.into_iter().try_for_each(|thread| match thread.join() {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(format!("a data thread failed: {error}")),
                Err(_) => Err("a data thread ended in a fault".to_owned()),
            })
        });
        joined.await.unwrap_or_else(|_| Err("the data threads could not be joined".to_owned()))
    }
}

/// The control plane as the data plane's answer to `serve = "token-self"`.
pub(super) struct OwnToken(pub(super) AdminPlane);

impl TokenSelf for OwnToken {
    fn call(&self, head: Parts, client: IpAddr) -> Pin<Box<dyn Future<Output = Response<Bytes>> + Send>> {
        let plane = self.0.clone();
        Box::pin(async move { plane.handle(head, client).await })
    }
}
