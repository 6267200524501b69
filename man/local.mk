# mdoc pages, hand-written.
