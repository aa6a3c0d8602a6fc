//! The composition root: opens the store, builds the planes, binds the listeners, drains in order.

mod bootstrap;
mod demo;
mod leases;
mod metrics;
mod presence;
mod routing;
mod sample;
mod threads;

pub(crate) use demo::demo;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::leases::Leases;
use self::threads::DataPlane;
use crate::activity::{Durability, Recorder, RecorderOptions};
use crate::admin::service::{self, TokenService};
use crate::admin::{AdminPlane, AdminServices, Instance, control};
use crate::auth::{Policy, Resolver};
use crate::clock::Clock;
use crate::config::Config;
use crate::limit::{Throttle, TokenLimits};
use crate::proxy::{Core, RouteTable, Services};
use crate::server::{Bound, TrustedProxies, bind};
use crate::store::{self, Location, OpenError, Opened};
use crate::telemetry::{Readiness, logging, ops};
use crate::token::Universe;

/// Threads of the control plane and of store calls.
const CONTROL_THREADS: usize = 2;
/// Pause between attempts to reach the store at start.
const STORE_RETRY: Duration = Duration::from_millis(500);
/// Longest wait for the last activity events at shutdown.
const FLUSH_LIMIT: Duration = Duration::from_secs(10);
/// How long buffers wait for company before they are written to a shared store.
const SHARED_STORE_LINGER: Duration = Duration::from_millis(500);

/// Serves until a signal ends it.
pub(crate) fn run(config: Config) -> Result<(), String> {
    logging::init(&config.telemetry)?;
    runtime()?.block_on(async {
        let mut stop = Stop::new()?;
        let bound = Listeners::bind(&config)?;
        let Some(app) = App::start(config, bound, &mut stop).await? else { return Ok(()) };
        let signal = stop.wait().await;
        tracing::info!(signal, "draining");
        app.stop().await
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("control")
        .enable_all()
        .build();
    runtime.map_err(|error| format!("the control threads cannot be started: {error}"))
}

/// The signals that end the process.
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> Result<Self, String> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(|error| format!("signals cannot be received: {error}"));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// The bound sockets, before anything is served.
struct Listeners {
    proxy: Bound,
    admin: Bound,
    ops: Bound,
}

impl Listeners {
    fn bind(config: &Config) -> Result<Self, String> {
        let one = |name: &str, address: SocketAddr, count: usize| {
            bind(address, count).map_err(|error| match error.kind() {
                io::ErrorKind::AddrInUse => {
                    format!("{name}.listen: {address} is in use; stop what listens there or choose another port")
                }
                _ => format!("{name}.listen: {address} cannot be listened on: {error}"),
            })
        };
        Ok(Self {
            proxy: one("proxy", config.proxy.listen, config.proxy.workers)?,
            admin: one("admin", config.admin.listen, 1)?,
            ops: one("ops", config.telemetry.listen, 1)?,
        })
    }
}

/// Everything that runs.
struct App {
    opened: Opened,
    service: TokenService,
    resolver: Arc<Resolver<TokenLimits>>,
    leases: Leases,
    recorder: Recorder,
    readiness: Readiness,
    data_plane: DataPlane,
    admin: AdminPlane,
    /// Turns true when the planes begin to drain.
    draining: watch::Sender<bool>,
    /// Turns true when the operations listener may go, last of all.
    gone: watch::Sender<bool>,
    /// Listeners of the control plane; they end when they have drained.
    listeners: Vec<JoinHandle<()>>,
    /// Tasks that run until they are aborted.
    tasks: Vec<JoinHandle<()>>,
    ops: JoinHandle<()>,
}

impl App {
    /// Starts everything; `None` if a signal came before the store could be reached.
    async fn start(config: Config, bound: Listeners, stop: &mut Stop) -> Result<Option<Self>, String> {
        let readiness = Readiness::new(["store", "listeners"]);
        let registry = Arc::new(Mutex::new(Registry::with_prefix("tollgate")));
        let (draining, drain) = watch::channel(false);
        let (gone, ops_gone) = watch::channel(false);
        let listener = tokio_listener(bound.ops)?;
        let ops_address = listener.local_addr().map_err(|error| error.to_string())?;
        let ops = tokio::spawn(ops::serve(listener, Arc::clone(&registry), readiness.clone(), turned(ops_gone)));
        let Some(opened) = open_store(&config.store, &readiness, stop).await? else { return Ok(None) };
        opened.adopt_spool().await?;
        readiness.holds("store");

        let clock = Clock::system();
        let shared = Shared::new(&config, &opened, &clock);
        let service = shared.service.clone();
        bootstrap::admin_token(&config, &service).await?;
        if config.admin.tls.is_none() && config.admin.insecure && !config.admin.listen.ip().is_loopback() {
            tracing::warn!(listen = %config.admin.listen, "administration leaves this machine without TLS, as admin.insecure says");
        }
        let address = presence::reached_at(bound.proxy.address);
        let instance = Instance::new(config.store.location.kind(), address, clock.now().wall);
        let member = instance.member.clone();
        let admin = AdminPlane::new(shared.admin_services(&config, instance));
        let tasks = vec![
            tokio::spawn(presence::announce(Arc::clone(&opened.stores.presence), member)),
            tokio::spawn(Arc::clone(&shared.resolver).follow(opened.stores.tokens.changes())),
            tokio::spawn(resync(clock.clone())),
        ];
        let (admin_address, proxy_address) = (bound.admin.address, bound.proxy.address);
        let mut listeners =
            vec![tokio::spawn(crate::admin::serve(tokio_listener(bound.admin)?, admin.clone(), turned(drain.clone())))];
        if !matches!(config.store.location, Location::Redis(_)) {
            let socket = control::bind(&control::socket_path(&config.store.data_dir)).await?;
            listeners.push(tokio::spawn(control::serve(socket, service.clone(), turned(drain.clone()))));
        }
        let metrics = metrics::Sources {
            resolver: Arc::clone(&shared.resolver),
            recorder: shared.recorder.clone(),
            store: Arc::clone(&opened.metrics),
            spool: opened.spool_metrics(),
            plans: Arc::clone(&config.plans),
        };
        let Shared { resolver, leases, recorder, .. } = &shared;
        let (resolver, leases, recorder) = (Arc::clone(resolver), leases.clone(), recorder.clone());
        let (services, threads) = shared.proxy_services(config, admin.clone());
        let cells = Core::metrics(&services.routes, threads);
        let data_plane = DataPlane::start(&services, &cells, bound.proxy, &drain)?;
        metrics::register(&registry, metrics, cells, admin.metrics());
        readiness.holds("listeners");
        tracing::info!(proxy = %proxy_address, admin = %admin_address, ops = %ops_address, "listening");
        Ok(Some(Self {
            opened,
            service,
            resolver,
            leases,
            recorder,
            readiness,
            data_plane,
            draining,
            gone,
            admin,
            listeners,
            tasks,
            ops,
        }))
    }

    /// Not ready, no new connections, drain, return leases, write what waits, close the store.
    async fn stop(self) -> Result<(), String> {
        self.readiness.drain();
        // Receivers that are gone have drained already.
        let _ = self.draining.send(true);
        self.data_plane.join().await?;
        for listener in self.listeners {
            // A listener that failed has nothing left to drain.
            let _ = listener.await;
        }
        // Calls for a caller's own token come through the data plane too.
        self.admin.hand_over();
        self.resolver.drain();
        self.leases.flush(FLUSH_LIMIT).await;
        if tokio::time::timeout(FLUSH_LIMIT, self.recorder.flush()).await.is_err() {
            tracing::error!("activity events are lost: the store did not take them in time");
        }
        for task in self.tasks {
            task.abort();
            // Cancelled or ended: both are the end.
            let _ = task.await;
        }
        drop(self.service);
        self.opened.close().await;
        let _ = self.gone.send(true);
        let _ = tokio::time::timeout(FLUSH_LIMIT, self.ops).await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// What both planes use.
struct Shared {
    clock: Clock,
    key: crate::token::HashKey,
    stores: store::Stores,
    resolver: Arc<Resolver<TokenLimits>>,
    routes: RouteTable,
    leases: Leases,
    recorder: Recorder,
    throttle: Arc<Throttle>,
    service: TokenService,
}

impl Shared {
    fn new(config: &Config, opened: &Opened, clock: &Clock) -> Self {
        let runtime = tokio::runtime::Handle::current();
        let stores = opened.stores.clone();
        let shared_store = matches!(config.store.location, Location::Redis(_));
        let durability = config.store.durability;
        let lingers = shared_store && durability == Durability::Async;
        let options = RecorderOptions {
            linger: if lingers { SHARED_STORE_LINGER } else { Duration::ZERO },
            durability,
            log_counts: opened.spool_metrics().is_some(),
            ..RecorderOptions::default()
        };
        let recorder = Recorder::start(Arc::clone(&stores.activity), options, &runtime);
        let leases = Leases::start(Arc::clone(&stores.counters));
        let mut universe = Universe::default();
        let routes = RouteTable::new(&config.proxy, config.cache.stale_for, &mut universe);
        let policy = Policy {
            universe,
            bundles: Arc::clone(&config.bundles),
            plans: Arc::clone(&config.plans),
            region: config.proxy.region.clone(),
        };
        let tokens = Arc::clone(&stores.tokens);
        let resolver = Resolver::new(tokens, runtime, clock.clone(), policy, config.cache, leases.give_back());
        let policy = service::Policy {
            bundles: Arc::clone(&config.bundles),
            plans: Arc::clone(&config.plans),
            directory: Arc::clone(&config.directory),
        };
        let (tokens, log) = (Arc::clone(&stores.tokens), Arc::clone(&stores.activity));
        let service = TokenService::new(tokens, log, opened.key.clone(), policy, clock.clone());
        let throttle = Arc::new(Throttle::new(&config.throttle));
        Self {
            clock: clock.clone(),
            key: opened.key.clone(),
            stores,
            resolver,
            routes,
            leases,
            recorder,
            throttle,
            service,
        }
    }

    fn admin_services(&self, config: &Config, instance: Instance) -> AdminServices {
        AdminServices {
            resolver: Arc::clone(&self.resolver),
            counters: Arc::clone(&self.stores.counters),
            events: Arc::clone(&self.stores.activity),
            key: self.key.clone(),
            clock: self.clock.clone(),
            throttle: Arc::clone(&self.throttle),
            trusted: TrustedProxies::new(config.proxy.trusted_proxies.clone()),
            recorder: self.recorder.clone(),
            routing: routing::Routes::new(config),
            presence: Arc::clone(&self.stores.presence),
            instance,
            region: config.proxy.region.clone(),
            config: config.admin.clone(),
            cache: config.cache,
            bundles: Arc::clone(&config.bundles),
            credentials: config.proxy.credentials.clone(),
            service: self.service.clone(),
            tokens: Arc::clone(&self.stores.tokens),
        }
    }

    fn proxy_services(self, config: Config, admin: AdminPlane) -> (Arc<Services>, usize) {
        let threads = config.proxy.workers;
        let services = Services {
            trusted: TrustedProxies::new(config.proxy.trusted_proxies.clone()),
            config: config.proxy,
            cache: config.cache,
            routes: self.routes,
            key: self.key,
            resolver: self.resolver,
            counters: self.stores.counters,
            plans: config.plans,
            throttle: self.throttle,
            recorder: self.recorder,
            token_self: Arc::new(threads::OwnToken(admin)),
            clock: self.clock,
            runtime: tokio::runtime::Handle::current(),
        };
        (Arc::new(services), threads)
    }
}

/// Opens the store; waits for one that cannot be reached yet.
async fn open_store(config: &store::Config, readiness: &Readiness, stop: &mut Stop) -> Result<Option<Opened>, String> {
    let mut told = String::new();
    loop {
        match store::open(config).await {
            Ok(opened) => return Ok(Some(opened)),
            Err(OpenError::Unreachable(cause)) => {
                if cause != told {
                    tracing::warn!(cause, "waiting for the store");
                    told.clone_from(&cause);
                }
                readiness.fails("store", cause);
            }
            Err(error) => return Err(error.to_string()),
        }
        tokio::select! {
            () = tokio::time::sleep(STORE_RETRY) => {}
            _ = stop.wait() => return Ok(None),
        }
    }
}

/// Follows the system's wall clock.
async fn resync(clock: Clock) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        second.tick().await;
        clock.resync();
    }
}

/// Resolves when the flag turns true, or its sender is gone.
async fn turned(mut flag: watch::Receiver<bool>) {
    let _ = flag.wait_for(|set| *set).await;
}

/// The one listener of a control port, on the current runtime.
fn tokio_listener(mut bound: Bound) -> Result<tokio::net::TcpListener, String> {
    let listener = bound.listeners.pop().ok_or("no socket was bound")?;
    tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())
}
