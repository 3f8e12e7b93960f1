//! The library stays in memory once it is loaded: threads of its own run its code, also after the
//! VM has unloaded the module.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS")
        .is_ok_and(|system| ["linux", "freebsd"].contains(&system.as_str()))
    {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
