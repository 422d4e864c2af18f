//! Rules 8 to 18: members, rooms, tags, users, mentions and time.

use super::{each, exclude, window};

#[test]
fn rule_8_joining() {
    exclude(
        "
        posted r1 m1 by x; joined r1 bob | bob@r1 0
        posted r1 m1 by x; joined r1 bob history all | bob@r1 1
        joined r1 bob; posted r1 m1 by x; joined r1 bob | bob 1
        posted r1 m1 by x; joined r1 bob; joined r1 bob history all | bob 0
        joined r1 bob; posted r1 m1 by bob; joined r1 bob history all; unread r1 bob from m1 | bob 0
        joined r1 bob; muted r1 bob; joined r1 bob; posted r1 m1 by x | bob skip_muted 0
        joined r1 bob,bob,cid; posted r1 m1 by x | bob 1, cid 1
        joined r1 - | bob@r1 none
        ",
    );
}

#[test]
fn rule_9_leaving() {
    exclude(
        "
        joined r1 bob; posted r1 m1 by x; left r1 bob | bob 0, bob@r1 none, bob!r1 none
        joined r1 bob; posted r1 m1 by x; left r1 bob; joined r1 bob; posted r1 m2 by x | bob 1
        joined r1 bob; muted r1 bob; left r1 bob; joined r1 bob; posted r1 m1 by x | bob skip_muted 1
        joined r1 bob,cid; posted r1 m1 by x; left r1 bob,bob,dee | bob@r1 none, cid 1
        joined r1 bob; posted r1 m1 by x; left r1 - | bob 1
        ",
    );
}

#[test]
fn rule_10_strangers() {
    exclude(
        "
        joined r1 bob; posted r1 m1 by stranger | bob 1, stranger@r1 none
        posted r1 m1 by x; read r1 bob; unread r1 bob from m1; muted r1 bob | bob@r1 none
        posted r1 m1 by x; joined r1 bob history all; recalled r1 m1 | bob 0
        read r1 bob; unread r1 bob from m1; muted r1 bob; left r1 bob | bob@r1 none
        muted r1 bob; joined r1 bob; posted r1 m1 by x | bob skip_muted 1
        ",
    );
}

#[test]
fn rule_11_tags_and_deleted_rooms() {
    exclude(
        "
        joined r1 bob; posted r1 m1 by x; tagged r1 a | bob#a 1
        joined r1 bob; posted r1 m1 by x; tagged r1 a; tagged r1 b | bob#a 0, bob#b 1
        joined r1 bob; posted r1 m1 by x; tagged r1 a; tagged r1 - | bob#a 0, bob 1
        tagged r1 a; joined r1 bob; posted r1 m1 by x | bob#a 1
        joined r1 bob; tagged r1 a; posted r1 m1 by x; room_deleted r1 | bob 0, bob@r1 none, time r1 m1 none
        joined r1 bob; tagged r1 a; posted r1 m1 by x; room_deleted r1; joined r1 bob history all | bob 0
        joined r1 bob; tagged r1 a; room_deleted r1; joined r1 bob; posted r1 m1 by x | bob#a 0, bob 1
        joined r1 bob; posted r1 m1 by x; room_deleted r1; joined r1 bob; posted r1 m1 by x | bob 1, time r1 m1 5000
        joined r1 bob; joined r2 bob; posted r2 m1 by x; room_deleted r1 | bob 1
        ",
    );
}

#[test]
fn rule_12_deleted_users() {
    exclude(
        "
        joined r1 bob,ann; joined r2 bob; posted r1 m1 by ann; posted r2 m1 by x; user_deleted bob | bob@r1 none, bob@r2 none, ann 0
        joined r1 bob,ann; posted r1 m1 by ann; user_deleted ann | bob 1
        joined r1 bob; posted r1 m1 by x; user_deleted bob; joined r1 bob; posted r1 m2 by x | bob 1
        joined r1 ann; posted r1 m1 by ann mentions ann; user_deleted ann; joined r1 ann history all | ann 1, ann!r1 0
        joined r1 ann; muted r1 ann; read r1 ann upto m1; user_deleted ann; joined r1 ann; posted r1 m1 by x | ann skip_muted 1
        ",
    );
}

#[test]
fn rule_13_muted_rooms() {
    exclude(
        "
        joined r1 bob,cid; muted r1 bob; posted r1 m1 by x | bob 1, bob skip_muted 0, bob@r1 1, cid skip_muted 1
        joined r1 bob; muted r1 bob; posted r1 m1 by x; unmuted r1 bob | bob skip_muted 1
        joined r1 bob; joined r2 bob; muted r1 bob; tagged r2 a; posted r1 m by x; posted r2 m by x | bob 2, bob skip_muted 1, bob#a skip_muted 1
        ",
    );
}

#[test]
fn rule_14_never_negative_never_capped() {
    let posts = each(1..=1200, |number| format!("posted r1 m{number} by x"));
    let recalls = each(1..=1200, |number| format!("recalled r1 m{number}"));
    exclude(&format!(
        "
        joined r1 bob; {posts} | bob 1200
        joined r1 bob; {posts}; {recalls} | bob 0
        joined r1 bob; {posts}; read r1 bob; {recalls}; {recalls} | bob 0
        "
    ));
}

#[test]
fn rule_17_mentions() {
    exclude(
        "
        joined r1 bob,cid; posted r1 m1 by x mentions bob | bob!r1 1, cid!r1 0, bob 1, cid 1
        joined r1 bob,cid; posted r1 m1 by x mention_all | bob!r1 1, cid!r1 1
        joined r1 bob; posted r1 m1 by x mention_all mentions bob,bob | bob!r1 1
        joined r1 bob; posted r1 m1 by bob mention_all mentions bob | bob!r1 0
        joined r1 bob; posted r1 m1 by x mentions bob; read r1 bob | bob!r1 0
        joined r1 bob; posted r1 m1 by x mentions bob; read r1 bob; unread r1 bob from m1 | bob!r1 1
        joined r1 bob; posted r1 m1 by x mentions bob; recalled r1 m1 | bob!r1 0
        posted r1 m1 by x mentions bob; joined r1 bob history all | bob!r1 0, bob 1
        posted r1 m1 by x mention_all; joined r1 bob history all | bob!r1 1
        joined r1 bob; posted r1 m1 by x mentions bob; left r1 bob; joined r1 bob history all | bob!r1 0, bob 1
        joined r1 bob; posted r1 m1 by bob mention_all; left r1 bob; joined r1 bob history all | bob!r1 1
        ",
    );
    window(1, "joined r1 bob; posted r1 m1 by x mentions bob; posted r1 m2 by x | bob!r1 1");
}

#[test]
fn rule_18_time() {
    exclude(
        "
        posted r1 m1 by x | time r1 m1 1000
        posted r1 m1 by x at 5 | time r1 m1 5
        posted r1 m1 by x at 9999 | time r1 m1 1000
        posted r1 m1 by x at 7; posted r1 m2 by x at 5; posted r1 m3 by x at 8 | time r1 m1 7, time r1 m2 7, time r1 m3 8
        posted r1 m1 by x at 0; posted r1 s by x at 9 silent; posted r1 m2 by x at 5 | time r1 m1 0, time r1 s 0, time r1 m2 5
        posted r1 s by x silent | time r1 s 0
        posted r1 m1 by x at 5; posted r1 m1 by x at 3 | time r1 m1 5
        ",
    );
    window(
        1,
        "posted r1 m1 by x at 7; posted r1 s by x silent; posted r1 m2 by x at 5 | time r1 m1 none, time r1 m2 7",
    );
}

#[test]
fn tenants_share_nothing() {
    exclude(
        "
        joined r1 bob; in other: joined r1 bob; posted r1 m1 by x | bob 1, in other: bob 0
        joined r1 bob; posted r1 m1 by x; in other: user_deleted bob; in other: room_deleted r1 | bob 1
        joined r1 bob; in other: recalled r1 m1; posted r1 m1 by x; in other: tagged r1 a | bob 1, bob#a 0
        ",
    );
}
