use super::scale::Axis;
use super::*;

fn bars() -> Plot {
    let ratio = |what: &str, spread, promised| Ratio { what: what.to_owned(), spread, promised };
    Plot {
        name: "bars",
        title: "Badges & posts".to_owned(),
        form: Form::Bars(Bars {
            across: "rate, against <nothing>".to_owned(),
            scale: Scale::Linear,
            bars: vec![
                ratio("50 rooms", [0.9, 1.0, 1.2], Some(0.95)),
                ratio("1,000 rooms", [0.7, 0.8, 0.85], None),
            ],
        }),
    }
}

fn curves() -> Plot {
    let curve = |name: &str, points| Curve { name: name.to_owned(), points };
    Plot {
        name: "curves",
        title: "From publishing to being seen".to_owned(),
        form: Form::Curves(Curves {
            across: "percentile".to_owned(),
            labels: vec!["50 %".to_owned(), "99 %".to_owned()],
            up: "milliseconds".to_owned(),
            scale: Scale::Logarithmic,
            curves: vec![
                curve("1,000 a second", vec![[0.5, 0.6, 0.7], [2.0, 3.0, 30.0]]),
                curve("10,000 a second", vec![[0.7; 3], [3.0; 3]]),
            ],
            promised: Some(10.0),
        }),
    }
}

#[test]
fn a_plot_says_what_it_is_of_in_which_unit() {
    let (bars, curves) = (bars().drawn().unwrap(), curves().drawn().unwrap());
    for text in
        ["Badges &amp; posts", "50 rooms", "1,000 rooms", "rate, against &lt;nothing&gt;", "red: promised"]
    {
        assert!(bars.contains(text), "{text} is missing in {bars}");
    }
    for text in
        ["From publishing to being seen", "percentile", "milliseconds", "50 %", "99 %", "10,000 a second"]
    {
        assert!(curves.contains(text), "{text} is missing in {curves}");
    }
    for svg in [bars, curves] {
        assert!(svg.contains(r##"fill="#FFFFFF""##), "there is no white ground in {svg}");
    }
}

#[test]
fn the_same_figures_are_drawn_the_same() {
    assert_eq!(bars().drawn().unwrap(), bars().drawn().unwrap());
    assert_eq!(curves().drawn().unwrap(), curves().drawn().unwrap());
}

fn ticks(scale: Scale, values: &[f64]) -> Vec<String> {
    let axis = Axis::of_values(scale, values.iter().copied());
    for value in values {
        assert!(axis.range.contains(&scale.position(*value)), "{value} is not in {axis:?}");
    }
    axis.ticks.into_iter().map(|(_, label)| label).collect()
}

#[test]
fn axes_have_round_numbers_and_place_for_all_values() {
    assert_eq!(ticks(Scale::Linear, &[0.9, 1.1]), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
    assert_eq!(ticks(Scale::Linear, &[0.01]), ["0", "0.002", "0.004", "0.006", "0.008", "0.01"]);
    assert_eq!(ticks(Scale::Logarithmic, &[0.5, 107.0]), ["0.1", "1", "10", "100", "1,000"]);
    assert_eq!(ticks(Scale::Logarithmic, &[10.0]), ["10", "100"]);
}
