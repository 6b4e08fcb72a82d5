//! `ringside serve`.

use super::Failure;
use crate::app::App;
use crate::config::Settings;
use crate::telemetry::start_logging;
use std::io::IsTerminal as _;
use tokio::signal::unix::{SignalKind, signal};

/// Runs until SIGTERM or SIGINT.
pub fn run(settings: Settings) -> Result<(), Failure> {
    start_logging(&settings.log, settings.log_format);
    for name in &settings.without_effect {
        tracing::warn!(setting = name, "this setting has no effect in this version");
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let app = App::start(settings).await?;
        tracing::info!(address = %app.address(), "listening");
        if let Some(admin) = app.admin_address() {
            tracing::info!(address = %admin, "administration listening");
        }
        welcome(&app);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: running calls are finished first");
        if !app.stop().await {
            tracing::warn!("some calls did not finish in time and were cut off; they are settled");
        }
        Ok(())
    })
}

/// Shows a first start's tokens once, on a terminal; elsewhere they would end up in a log.
fn welcome(app: &App) {
    let Some(first) = &app.first else { return };
    if !std::io::stderr().is_terminal() {
        tracing::info!(file = %first.file.display(), "first start: tokens were made and written to this file");
        return;
    }
    eprintln!(
        "\nThis is a first start. Two tokens were made, shown here once and kept in {file}:\n\n  server token  {server}\n  admin token   {admin}\n\nTry it:\n\n  curl http://{address}/v1/chat/completions \\\n    -H 'Authorization: Bearer {server}' -H 'Content-Type: application/json' \\\n    -d '{{\"model\": \"fc:sim/echo\", \"user\": \"cus_42\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'\n",
        file = first.file.display(),
        server = first.server.expose(),
        admin = first.admin.expose(),
        address = app.address(),
    );
}
