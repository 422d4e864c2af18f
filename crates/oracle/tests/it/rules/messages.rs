//! Rules 1 to 7: what is posted, read, marked as unread and recalled.

use super::{each, exclude, mark_read, window};

#[test]
fn rule_1_silent_messages_take_no_number() {
    exclude(
        "
        joined r1 ann,bob; posted r1 m1 by ann | ann 0, bob 1
        joined r1 ann,bob; posted r1 m1 by ann silent | ann 0, bob 0
        joined r1 bob; posted r1 m1 by ann; posted r1 s by ann silent; posted r1 m2 by ann; read r1 bob upto s | bob 1
        joined r1 bob; posted r1 s by ann silent; posted r1 m1 by ann; read r1 bob upto s | bob 1
        joined r1 bob; posted r1 m1 by ann; posted r1 s by ann silent; recalled r1 s | bob 1
        joined r1 bob; posted r1 m1 by ann; posted r1 s by ann silent mention_all mentions bob | bob!r1 0
        ",
    );
}

#[test]
fn rule_2_what_is_unread() {
    exclude(
        "
        posted r1 m1 by ann | ann 0, ann@r1 none
        joined r1 bob; posted r1 m1 by ann; posted r1 m2 by ann; recalled r1 m1 | bob 1
        joined r1 bob; posted r1 m1 by ann; read r1 bob; recalled r1 m1; posted r1 m2 by ann | bob 1
        joined r1 bob; posted r1 m1 by ann; recalled r1 m1; recalled r1 m1; posted r1 m2 by ann | bob 1
        joined r1 ann; posted r1 m1 by bob; posted r1 m2 by ann; unread r1 ann from m1 | ann 1
        joined r1 ann; posted r1 m1 by bob; posted r1 m2 by ann; recalled r1 m2; unread r1 ann from m1 | ann 1
        posted r1 m1 by ann; joined r1 ann history all | ann 1
        joined r1 ann; posted r1 m1 by ann; left r1 ann; joined r1 ann history all; posted r1 m2 by ann | ann 1
        joined r1 ann; posted r1 m1 by ann; left r1 ann; joined r1 ann; unread r1 ann from m1 | ann 1
        joined r1 bob; joined r2 bob; posted r1 m1 by ann; posted r2 m1 by ann; posted r2 m2 by ann | bob 3, bob@r1 1, bob@r2 2
        ",
    );
}

#[test]
fn rule_2_a_badge_takes_all_tags() {
    exclude(
        "
        joined r1 bob; tagged r1 a,b; posted r1 m1 by ann | bob#a 1, bob#b 1, bob#a,b 1, bob#a,a 1, bob#c 0, bob#a,c 0
        joined r1 bob; joined r2 bob; tagged r1 a; tagged r2 a,b; posted r1 m by x; posted r2 m by x | bob 2, bob#a 2, bob#b 1, bob#a,b 1
        joined r1 bob; tagged r1 a,a; posted r1 m1 by ann | bob#a 1
        ",
    );
}

#[test]
fn rule_3_posting_and_the_senders_cursor() {
    let table = "joined r1 ann,bob; posted r1 m1 by bob; posted r1 m2 by ann";
    exclude(&format!("{table} | ann 1, bob 1"));
    mark_read(&format!("{table} | ann 0, bob 1"));
    mark_read(
        "
        joined r1 ann; posted r1 m1 by bob; posted r1 m2 by ann silent | ann 1
        joined r1 ann; posted r1 m1 by bob; posted r1 m2 by ann; unread r1 ann from m1 | ann 1
        joined r1 ann; posted r1 m1 by bob; posted r1 m2 by ann; posted r1 m3 by bob; posted r1 m2 by ann | ann 1
        posted r1 m1 by ann; joined r1 ann history all | ann 1
        ",
    );
}

#[test]
fn rule_4_known_messages() {
    exclude(
        "
        joined r1 bob; posted r1 m1 by ann; posted r1 m1 by ann | bob 1
        joined r1 bob; posted r1 m1 by ann silent; posted r1 m1 by ann | bob 0
        joined r1 bob; posted r1 m1 by bob; posted r1 m1 by ann | bob 0
        joined r1 bob; posted r1 m1 by ann; posted r1 m1 by ann mentions bob | bob!r1 0
        joined r1 bob; posted r1 m1 by ann; recalled r1 m1; posted r1 m1 by ann | bob 0
        joined r1 bob; joined r2 bob; posted r1 m1 by ann; posted r2 m1 by ann | bob 2
        joined r1 bob; posted r1 m1 by ann; posted r1 M1 by ann | bob 2
        ",
    );
    window(
        2,
        "
        posted r1 m1 by x; posted r1 m2 by x; posted r1 m3 by x | time r1 m1 none, time r1 m2 2000, time r1 m3 3000
        joined r1 bob; posted r1 m1 by x; posted r1 m2 by x; posted r1 m1 by x | bob 2
        joined r1 bob; posted r1 m1 by x; posted r1 m2 by x; posted r1 m3 by x; posted r1 m1 by x | bob 4
        joined r1 bob; posted r1 m1 by x; posted r1 s1 by x silent; posted r1 s2 by x silent; posted r1 m1 by x | bob 2
        joined r1 bob; posted r1 m1 by x; posted r1 m2 by x; posted r1 m1 by x; posted r1 m3 by x; posted r1 m1 by x | bob 4
        joined r1 bob; posted r1 m1 by x; posted r1 m2 by x; posted r1 m3 by x; unread r1 bob from m1 | bob 3
        joined r1 bob; posted r1 m1 by x; posted r1 m2 by x; posted r1 m3 by x; read r1 bob; unread r1 bob from m1 | bob 0
        joined r1 bob; posted r1 m1 by x; recalled r1 m1; posted r1 m2 by x; posted r1 m3 by x; posted r1 m1 by x | bob 3
        joined r1 bob; posted r1 m1 by x; posted r1 m2 by x; posted r1 m3 by x; recalled r1 m1; posted r1 m1 by x | bob 3
        joined r1 bob; posted r1 m1 by bob; posted r1 m2 by x; posted r1 m3 by x; posted r1 m1 by x | bob 3
        ",
    );
    window(
        1,
        "joined r1 bob; posted r1 m1 by x; posted r1 m1 by x; posted r1 m2 by x; posted r1 m1 by x | bob 3",
    );
}

#[test]
fn rule_5_read_moves_forward_only() {
    let posted = "joined r1 bob; posted r1 m1 by x; posted r1 m2 by x; posted r1 m3 by x";
    exclude(&format!(
        "
        {posted}; read r1 bob upto m2 | bob 1
        {posted}; read r1 bob upto m2; read r1 bob upto m1 | bob 1
        {posted}; read r1 bob | bob 0
        {posted}; read r1 bob; posted r1 m4 by x | bob 1
        {posted}; recalled r1 m2; read r1 bob upto m2 | bob 1
        "
    ));
}

#[test]
fn rule_6_kept_reads_and_recalls() {
    exclude(
        "
        joined r1 bob; posted r1 m1 by x; read r1 bob upto m2; posted r1 m2 by x; posted r1 m3 by x | bob 1
        joined r1 bob; posted r1 m1 by x; read r1 bob upto m2 | bob 1
        joined r1 bob; posted r1 m1 by x; read r1 bob upto s; posted r1 s by x silent; posted r1 m2 by x | bob 1
        joined r1 bob; posted r1 m1 by x; read r1 bob upto m2; unread r1 bob from m1; posted r1 m2 by x | bob 0
        joined r1 bob; read r1 bob upto m2; posted r1 m1 by x; read r1 bob; posted r1 m2 by x | bob 0
        joined r1 bob; read r1 bob upto m1; left r1 bob; joined r1 bob; posted r1 m1 by x | bob 1
        joined r1 bob; read r1 bob upto m1; posted r1 m1 by x; unread r1 bob from m1; posted r1 m1 by x | bob 1
        joined r1 bob; recalled r1 m1; posted r1 m1 by x; posted r1 m2 by x | bob 1
        recalled r1 m1; joined r1 bob; posted r1 m1 by x | bob@r1 0
        joined r1 bob; recalled r1 m1; room_deleted r1; joined r1 bob; posted r1 m1 by x | bob 1
        joined r1 bob; posted r1 m1 by x; recalled r1 s; posted r1 s by x silent | bob 1
        joined r1 bob; recalled r1 m1; read r1 bob upto m1; posted r1 m1 by bob; posted r1 m2 by x | bob 1
        read r1 bob upto m1; joined r1 bob; posted r1 m1 by x | bob 1
        ",
    );
    window(
        1,
        "
        joined r1 bob; recalled r1 m1; posted r1 m1 by x; posted r1 m2 by x; posted r1 m1 by x | bob 2
        joined r1 bob; read r1 bob upto m1; posted r1 m1 by x; posted r1 m2 by x; posted r1 m1 by x | bob 2
        joined r1 bob; posted r1 m1 by x; posted r1 m2 by x; read r1 bob upto m1; posted r1 m1 by x | bob 0
        ",
    );
}

#[test]
fn rule_6_the_newest_16_reads_are_kept() {
    let read = |number| format!("read r1 bob upto m{number}");
    let (reads_16, reads_17) = (each(1..=16, read), each(1..=17, read));
    exclude(&format!(
        "
        joined r1 bob; posted r1 m by x; {reads_16}; posted r1 m1 by x | bob 0
        joined r1 bob; posted r1 m by x; {reads_17}; posted r1 m1 by x | bob 2
        joined r1 bob; posted r1 m by x; {reads_17}; posted r1 m2 by x | bob 0
        joined r1 bob; posted r1 m by x; {reads_17}; posted r1 m17 by x | bob 0
        joined r1 bob; posted r1 m by x; {reads_16}; read r1 bob upto m1; read r1 bob upto m17; posted r1 m1 by x | bob 2
        joined r1 bob,cid; read r1 cid upto m1; {reads_17}; posted r1 m1 by x | bob 1, cid 0
        joined r1 bob; joined r2 bob; read r2 bob upto m1; {reads_17}; posted r2 m1 by x | bob 0
        "
    ));
}

#[test]
fn rule_6_the_newest_64_recalls_are_kept() {
    let recalled = |number| format!("recalled r1 m{number}");
    let (recalls_64, recalls_65) = (each(1..=64, recalled), each(1..=65, recalled));
    exclude(&format!(
        "
        joined r1 bob; {recalls_64}; posted r1 m1 by x | bob 0
        joined r1 bob; {recalls_65}; posted r1 m1 by x | bob 1
        joined r1 bob; {recalls_65}; posted r1 m2 by x; posted r1 m65 by x | bob 0
        joined r1 bob; {recalls_64}; recalled r1 m1; recalled r1 m65; posted r1 m1 by x | bob 1
        joined r1 bob; joined r2 bob; recalled r2 m1; {recalls_65}; posted r2 m1 by x | bob 0
        "
    ));
}

#[test]
fn rule_7_unread_sets_the_cursor() {
    let posted =
        "joined r1 bob; posted r1 m1 by x; posted r1 m2 by x; posted r1 s by x silent; posted r1 m3 by x";
    exclude(&format!(
        "
        {posted}; read r1 bob; unread r1 bob from m2 | bob 2
        {posted}; unread r1 bob from m3 | bob 1
        {posted}; read r1 bob; unread r1 bob from s | bob 1
        {posted}; unread r1 bob from s | bob 1
        {posted}; read r1 bob; unread r1 bob from m9; posted r1 m9 by x | bob 1
        {posted}; read r1 bob; recalled r1 m2; unread r1 bob from m2 | bob 1
        posted r1 m1 by x; posted r1 m2 by x; joined r1 bob; unread r1 bob from m1 | bob 2
        posted r1 s by x silent; posted r1 m1 by x; joined r1 bob; unread r1 bob from s | bob 1
        "
    ));
}
