//! The steps of a job: `steps FILE [WIDTH HEIGHT FORMAT]`.
use std::time::Instant;
use bytes::Bytes;
use thumbelina_core::{Budget, Format, Formats, Job, Limits, Request, Step};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let input = Bytes::from(std::fs::read(&args[1]).unwrap());
    let side = |i: usize| args.get(i).map_or(Some(10), |s| s.parse().ok());
    let request = Request { width: side(2), height: side(3), format: Some(Format::Png), limits: Limits { formats: Formats::ALL, ..Limits::default() }, ..Request::default() };
    let mut job = Job::new(input, request);
    let mut times = vec![];
    let all = Instant::now();
    let end = loop {
        let phase = job.phase();
        let t = Instant::now();
        let mut big = false;
        let mut s = job.step(Budget::Piece);
        if matches!(s, Ok(Step::TooBig)) { big = true; s = job.step(Budget::Unbounded(None)); }
        times.push((t.elapsed(), times.len(), phase, big));
        match s { Ok(Step::Again) => {}, Ok(Step::Done(e)) => break format!("{}x{} {}", e.width, e.height, e.bytes.len()), Err(e) => break format!("{e}"), _ => unreachable!() }
    };
    println!("{end}: {} steps, {:?}; {:?}", times.len(), all.elapsed(), job.plan().map(|p| (p.width, p.height, p.decode_scale, p.costs)));
    times.sort_by_key(|t| std::cmp::Reverse(t.0));
    for t in times.iter().take(6) { println!("{t:?}"); }
}
