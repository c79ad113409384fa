"""Looking at masks: a contact sheet of the worst, what they are like, how right they are."""
