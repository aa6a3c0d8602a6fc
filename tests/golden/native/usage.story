# Limits and what is used of them.
mira: admin.read owner=mira plan=vendor
plain: things.read owner=tom plan=tiny
>>>
GET /admin/v1/tokens/$plain_id/usage HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"plan":"tiny","cached":false,"minute":{"size":3,"used":0,"remaining":3,"refill_per_second":0.05,"full_at":"$time"},"month":{"size":1000,"used":0,"remaining":1000,"resets_at":"$time"}}
>>>
GET /test HTTP/1.1
Authorization: Bearer $plain

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{}
>>>
GET /admin/v1/tokens/$plain_id/usage HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"plan":"tiny","cached":true,"minute":{"size":3,"used":1,"remaining":2,"refill_per_second":0.05,"full_at":"$time"},"month":{"size":1000,"used":1,"remaining":999,"resets_at":"$time"}}
>>>
GET /admin/v1/tokens/$mira_id/usage HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"plan":"vendor","cached":true,"minute":{"size":3000,"used":0,"remaining":3000,"refill_per_second":10.0,"full_at":"$time"},"month":{"size":5000,"used":0,"remaining":5000,"resets_at":"$time"}}
>>>
GET /admin/v1/tokens/$plain_id/activity?limit=1&skip=500 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"events":[],"next_skip":null}
