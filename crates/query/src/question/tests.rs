use super::*;

fn outcome(query: &str) -> String {
    match Question::parse(query) {
        Err(refusal) => refusal.code().to_owned(),
        Ok(question) => {
            let min_seq = question.min_seq.map_or_else(|| "-".to_owned(), |sequence| sequence.to_string());
            question.with_filter(|filter| {
                let mode = if filter.mode == TagMode::Any { " any" } else { "" };
                let not: String = filter.not.iter().map(|tag| format!(" not:{tag}")).collect();
                format!("[{}]{mode}{not} {min_seq}", filter.tags.join(","))
            })
        }
    }
}

/// One line a case: `query string -> [tags] mode not:tag… minSeq`, or the code of the refusal.
fn check(line: &str) {
    let (query, expected) = line.split_once(" -> ").expect("a line has an arrow");
    assert_eq!(outcome(query.trim()), expected, "{line}");
}

#[test]
fn query_strings() {
    for line in [
        " -> [] -",
        "minSeq=0 -> [] 0",
        "minSeq=17&roomTags=a -> [a] 17",
        "roomTags=a&minSeq=%31%37 -> [a] 17",
        "min%53eq=17 -> [] 17",
        "minSeq=0017 -> [] 17",
        "minSeq=9007199254740991 -> [] 9007199254740991",
        "minSeq=9007199254740992 -> INVALID_MIN_SEQ",
        "minSeq=18446744073709551616 -> INVALID_MIN_SEQ",
        "minSeq -> INVALID_MIN_SEQ",
        "minSeq= -> INVALID_MIN_SEQ",
        "minSeq=-1 -> INVALID_MIN_SEQ",
        "minSeq=+1 -> INVALID_MIN_SEQ",
        "minSeq=%2B1 -> INVALID_MIN_SEQ",
        "minSeq=1.0 -> INVALID_MIN_SEQ",
        "minSeq=1e3 -> INVALID_MIN_SEQ",
        "minSeq=0x1 -> INVALID_MIN_SEQ",
        "minSeq=%ff -> INVALID_MIN_SEQ",
        "minSeq=1&minSeq=1 -> INVALID_MIN_SEQ",
        // Other names are ignored, and so are other spellings.
        "minseq=x&minSeqs=y&xminSeq=z&minSeq[]=z -> [] -",
        "tagMode=all&roomTags=a -> [a] -",
        "roomTags=a&tagMode=any&roomTags=b -> [a,b] any -",
        "tagMode=%61ny -> [] any -",
        "tagMode=Any -> INVALID_TAG_MODE",
        "tagMode -> INVALID_TAG_MODE",
        "tagMode= -> INVALID_TAG_MODE",
        "tagMode=any&tagMode=any -> INVALID_TAG_MODE",
        "tagmode=x -> [] -",
        "notRoomTags=a&roomTags=b&notRoomTags=c&notRoomTags=a -> [b] not:a not:c -",
        "notRoomTags=caf%C3%A9+b -> [] not:café b -",
        "notRoomTags -> INVALID_ROOM_TAGS",
        "notRoomTags=%ff -> INVALID_ROOM_TAGS",
        "notRoomTags%5B%5D=a -> INVALID_ROOM_TAGS",
        "notRoomTags[0]=a -> INVALID_ROOM_TAGS",
        "notroomtags=a&notRoomTagsX=b -> [] -",
        // The first check that fails is the answer, wherever it stands.
        "minSeq=x&roomTags -> INVALID_ROOM_TAGS",
        "minSeq=x&tagMode=x&notRoomTags -> INVALID_ROOM_TAGS",
        "minSeq=x&tagMode=x -> INVALID_TAG_MODE",
    ] {
        check(line);
    }
}
