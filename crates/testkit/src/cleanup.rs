//! Asynchronous work inside `Drop`: also after a panic, also when the test's runtime is going down.

/// Runs the work on a thread with a runtime of its own, and waits for it.
///
/// A failure is printed, not raised: the test's own result matters more.
pub(crate) fn run<F>(what: &str, work: F)
where
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let done = std::thread::scope(|scope| {
        let thread = scope.spawn(|| -> anyhow::Result<()> {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(work)
        });
        thread.join()
    });
    match done {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("cleaning up {what}: {error:#}"),
        Err(_) => eprintln!("cleaning up {what} panicked"),
    }
}
