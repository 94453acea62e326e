//! The only public service: REST API, documentation, dashboard.
