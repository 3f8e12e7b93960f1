//! Who has a seat and who is next, without a VM.

#[path = "../src/scheduling/cores.rs"]
mod cores;
#[path = "../src/scheduling/seats.rs"]
mod seats;

use cores::Counted;
use seats::{Claim, Seats};

/// Leaves a seat, and says who is told of theirs.
fn leave(seats: &mut Seats<&'static str>, claim: Claim) -> Vec<&'static str> {
    assert!(seats.leave(claim), "there was no seat to leave");
    std::iter::from_fn(|| seats.next()).collect()
}

#[test]
fn there_are_as_many_seats_as_schedulers() {
    let mut seats = Seats::new();
    let first = seats.take(2);
    let second = seats.take(2);
    assert!(first.is_some() && second.is_some() && seats.take(2).is_none());
    // A scheduler that comes on line is one more.
    assert!(seats.take(3).is_some());
    assert_eq!(first.map(|claim| leave(&mut seats, claim)), Some(vec![]));
}

#[test]
fn the_first_to_come_is_the_next() {
    let mut seats = Seats::new();
    let Some(seated) = seats.take(1) else { unreachable!("nobody has it") };
    let late = seats.wait(30, "late");
    let early = seats.wait(10, "early");
    let middle = seats.wait(20, "middle");
    assert_eq!(leave(&mut seats, seated), ["early"]);
    assert_eq!(leave(&mut seats, early), ["middle"]);
    assert_eq!(leave(&mut seats, middle), ["late"]);
    assert_eq!(leave(&mut seats, late), [""; 0]);
}

#[test]
fn nobody_overtakes_who_waits() {
    let mut seats = Seats::new();
    let Some(seated) = seats.take(1) else { unreachable!("nobody has it") };
    let waiting = seats.wait(0, "waiting");
    // There are two seats now, but the second is for whoever waits.
    assert!(seats.take(2).is_none());
    assert_eq!(seats.next(), Some("waiting"));
    assert_eq!((leave(&mut seats, seated), leave(&mut seats, waiting)), (vec![], vec![]));
    assert!(seats.take(1).is_some());
}

#[test]
fn who_is_gone_is_passed_over() {
    let mut seats = Seats::new();
    let Some(seated) = seats.take(1) else { unreachable!("nobody has it") };
    // Killed while waiting: the job is dropped.
    drop(seats.wait(0, "killed"));
    let waiting = seats.wait(1, "waiting");
    // Gave up: its timeout has passed.
    let tired = seats.wait(2, "tired");
    assert!(!seats.leave(tired));
    assert_eq!(leave(&mut seats, seated), ["waiting"]);
    assert_eq!(leave(&mut seats, waiting), [""; 0]);
    assert!(seats.take(1).is_some());
}

#[test]
fn cores_are_spare_for_one_or_where_each_has_two() {
    assert!(cores::are_spare(1));
    let jobs = [Counted::new(), Counted::new()];
    assert!(!cores::are_spare(2) && !cores::are_spare(3) && cores::are_spare(4));
    let third = Counted::new();
    assert!(!cores::are_spare(5) && cores::are_spare(6));
    drop(third);
    assert!(cores::are_spare(4));
    drop(jobs);
    assert!(cores::are_spare(1));
}
