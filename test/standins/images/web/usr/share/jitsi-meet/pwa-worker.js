// Stand-in: no meeting application.
