"""What the API does where its documentation is silent, measured with few requests.

`probing` is the whole of it, `measures` and `reach` its steps, `probe` the one who asks, and `traits` what
came out. What the answers mean is decided in `tailer.core`.
"""
