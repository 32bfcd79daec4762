//! What the core allocates, request by request.
