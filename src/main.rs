//! The `tollgate` program: arguments in, exit code out.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Fails only if a provider is installed already, and nothing ran before this.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tollgate::cli::main(std::env::args_os())
}
