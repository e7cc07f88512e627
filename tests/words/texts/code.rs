/// Builds the request
/// anew.
fn main() {
    // Ends none the less.
    println!("nothing else than a message"); // the client is told
}
