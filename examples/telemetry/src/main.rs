//! See the library beside it.

use tokenflight::BoxError;
use tokenflight_example_telemetry::{provider, request, subscriber};

fn main() -> Result<(), BoxError> {
    // Before any runtime: the exporter's client blocks.
    let provider = provider(None)?;
    tracing::subscriber::set_global_default(subscriber(&provider))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let status = runtime.block_on(request())?;
    println!("{status}");
    provider.shutdown()?;
    Ok(())
}
