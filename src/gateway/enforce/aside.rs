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

    /// One worker, and a check that takes its whole second: a timer beside it still fires in time.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_hostile_check_keeps_nobody_waiting() {
        let patterns: Vec<_> = (0..200).map(|n| json!({"pattern": format!("^(a|a|b{n})*(?=c)$")})).collect();
        let schema = Schema::compile(&json!({"anyOf": patterns}).to_string()).unwrap();
        let checking = tokio::spawn(async move {
            let begun = Instant::now();
            let verdict = schema.check(&json!("a".repeat(2_000) + "!"));
            (verdict.is_err(), begun.elapsed())
        });
        let mut longest = Duration::ZERO;
        while !checking.is_finished() {
            let begun = Instant::now();
            tokio::time::sleep(Duration::from_millis(1)).await;
            longest = longest.max(begun.elapsed());
        }
        let (refused, took) = checking.await.unwrap();
        assert!(refused);
        assert!(took > Duration::from_millis(300), "it took only {took:?}: it is no test of anything");
        assert!(longest < took / 2, "a timer came {longest:?} late while a check ran for {took:?}");
    }
}
