import fc from 'fast-check'

// For `npm run mutation`, which asks whether a law fails, not for its smallest counterexample.
fc.configureGlobal({ endOnFailure: true })
