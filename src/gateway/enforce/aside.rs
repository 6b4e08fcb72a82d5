//! Work that may take long, where it keeps no other call from going on.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs `work` here, after the worker's other tasks were given to another thread. A runtime of one
/// thread has no other.
pub fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::Schema;
    use serde_json::json;
    use std::time::{Duration, Instant};

    /// One worker, and checks that take its whole half second: timers beside them still fire meanwhile.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_hostile_check_keeps_nobody_waiting() {
        let patterns: Vec<_> = (0..200).map(|n| json!({"pattern": format!("^(a|a|b{n})*(?=c)$")})).collect();
        let schema = Schema::compile(&json!({"anyOf": patterns}).to_string()).unwrap();
        let checking = tokio::spawn(async move {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(500) {
                assert!(schema.check(&json!("a".repeat(2_000) + "!")).is_err());
            }
        });
        let mut fired = 0;
        while !checking.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            fired += 1;
        }
        checking.await.unwrap();
        assert!(fired > 10, "{fired} timers fired while the checks ran");
    }
}
