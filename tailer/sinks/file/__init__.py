"""The sink `file`: a line an event, exactly once, through crashes and rotation, its own or others'.

`sink` is one file and `folder` a file for each connector; `recovery` cuts off what a crash left behind;
`rotator`, `archive`, `compression` and `upkeep` put files aside and look after those; `reports` is what
happens to them.
"""
