//! Nothing but the graph: that its features are on, the compiler sees.

/// Calls what is there with the features `cookies` and `gzip` of ureq only.
#[must_use]
pub fn cookies(agent: &ureq::Agent) -> usize {
    agent.cookie_jar_lock().iter().count()
}
