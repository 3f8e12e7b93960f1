//! Makes `enum Format` and the table behind it of `formats.txt`.
#![expect(clippy::expect_used, clippy::panic, reason = "a build that cannot go on stops")]

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=formats.txt");
    let text = fs::read_to_string("formats.txt").expect("formats.txt is beside Cargo.toml");
    let lines: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .collect();
    let mut variants = String::new();
    let mut table = String::new();
    for line in &lines {
        let &[
            name,
            mime,
            extensions,
            reads,
            writes,
            gray,
            alpha,
            depths,
            side,
            pixels,
            decode,
            encode,
        ] = &line[..]
        else {
            panic!("not twelve columns: {line:?}");
        };
        let variant = capitalized(name);
        let list = |items: &str, item: fn(&str) -> String| {
            format!("&[{}]", items.split(',').map(item).collect::<Vec<_>>().join(", "))
        };
        let most = |number: &str, kind| match number {
            "-" => format!("{kind}::MAX"),
            number => number.to_owned(),
        };
        writeln!(variants, "    {variant},").expect("a string takes it");
        writeln!(
            table,
            "    Facts {{ name: {name:?}, mime: {mime:?}, extensions: {}, reads: {}, writes: {}, \
             gray: Gray::{}, alpha: Alpha::{}, depths: {}, max_side: {}, max_pixels: {}, \
             decode_nanos: {decode}, encode_nanos: {} }},",
            list(extensions, |extension| format!("{extension:?}")),
            reads == "yes",
            writes == "yes",
            capitalized(gray),
            capitalized(alpha),
            list(depths, |depth| format!("Depth::{}", depth_name(depth))),
            most(side, "u32"),
            most(pixels, "u64"),
            if encode == "-" { "0" } else { encode },
        )
        .expect("a string takes it");
    }
    let names: Vec<String> =
        lines.iter().map(|line| format!("Format::{}", capitalized(line[0]))).collect();
    let code = format!(
        "/// An encoded picture's format.\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]\n\
         pub enum Format {{\n{variants}}}\n\n\
         impl Format {{\n    pub const ALL: [Format; {count}] = [{}];\n}}\n\n\
         static FACTS: [Facts; {count}] = [\n{table}];\n",
        names.join(", "),
        count = lines.len(),
    );
    let folder = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&folder).join("formats.rs"), code).expect("OUT_DIR can be written to");
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

fn depth_name(depth: &str) -> &str {
    match depth {
        "8" => "U8",
        "16" => "U16",
        "float" => "F32",
        other => panic!("not a depth: {other}"),
    }
}
