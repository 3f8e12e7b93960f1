//! Every atom that is not the name of a format.

rustler::atoms! {
    ok,
    error,
    too_big,
    more,
    wait,
    turn,
    normal,
    dirty,
    // Reasons.
    unsupported_format,
    format_not_allowed,
    invalid_image,
    truncated,
    limit_exceeded,
    timeout,
    enomem,
    internal_error,
    // Limits.
    max_pixels,
    max_bytes_in,
    max_memory,
    max_bytes,
    side,
    // Color spaces, and kinds of samples.
    gray,
    rgb,
    cmyk,
    lab,
    u,
    f,
    // Types of samples.
    u8,
    u16,
    f32,
    // Why a plan takes its scheduler.
    asked,
    within_yield_limit,
    above_yield_limit,
    shared,
    // What became of a profile.
    none,
    applied,
    kept,
    ignored,
}
