# Orders and patterns; an account is a wall, and all.admin crosses it. Paging is in tests/clients/test_native.py.
mira: admin.read owner=mira
root: all.admin owner=root
Alpha-one: things.read owner=tom
Beta-one: things.read owner=tom
alpha-two: things.read owner=tom
second-root: all.admin owner=root
>>>
GET /admin/v1/tokens?owner=tom&sort=name HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"tokens":[{"id":"$Alpha-one_id","serial":3,"losant_id":"$hex1","dynatrace_id":"$public1","name":"Alpha-one","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"operator","modified_by":"operator","secrets":[{"created_at":"$time","expires_at":null}]},{"id":"$Beta-one_id","serial":4,"losant_id":"$hex2","dynatrace_id":"$public2","name":"Beta-one","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"operator","modified_by":"operator","secrets":[{"created_at":"$time","expires_at":null}]},{"id":"$alpha-two_id","serial":5,"losant_id":"$hex3","dynatrace_id":"$public3","name":"alpha-two","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"operator","modified_by":"operator","secrets":[{"created_at":"$time","expires_at":null}]}],"next_cursor":null}
>>>
GET /admin/v1/tokens?owner=tom&sort=-name HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"tokens":[{"id":"$alpha-two_id","serial":5,"losant_id":"$hex3","dynatrace_id":"$public3","name":"alpha-two","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"operator","modified_by":"operator","secrets":[{"created_at":"$time","expires_at":null}]},{"id":"$Beta-one_id","serial":4,"losant_id":"$hex2","dynatrace_id":"$public2","name":"Beta-one","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"operator","modified_by":"operator","secrets":[{"created_at":"$time","expires_at":null}]},{"id":"$Alpha-one_id","serial":3,"losant_id":"$hex1","dynatrace_id":"$public1","name":"Alpha-one","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"operator","modified_by":"operator","secrets":[{"created_at":"$time","expires_at":null}]}],"next_cursor":null}
>>>
GET /admin/v1/tokens?owner=tom&sort=created HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"tokens":[{"id":"$Alpha-one_id","serial":3,"losant_id":"$hex1","dynatrace_id":"$public1","name":"Alpha-one","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"operator","modified_by":"operator","secrets":[{"created_at":"$time","expires_at":null}]},{"id":"$Beta-one_id","serial":4,"losant_id":"$hex2","dynatrace_id":"$public2","name":"Beta-one","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"operator","modified_by":"operator","secrets":[{"created_at":"$time","expires_at":null}]},{"id":"$alpha-two_id","serial":5,"losant_id":"$hex3","dynatrace_id":"$public3","name":"alpha-two","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"operator","modified_by":"operator","secrets":[{"created_at":"$time","expires_at":null}]}],"next_cursor":null}
>>>
GET /admin/v1/tokens?q=ONE HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"tokens":[{"id":"$Beta-one_id","serial":4,"losant_id":"$hex2","dynatrace_id":"$public2","name":"Beta-one","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"operator","modified_by":"operator","secrets":[{"created_at":"$time","expires_at":null}]},{"id":"$Alpha-one_id","serial":3,"losant_id":"$hex1","dynatrace_id":"$public1","name":"Alpha-one","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"operator","modified_by":"operator","secrets":[{"created_at":"$time","expires_at":null}]}],"next_cursor":null}
>>>
GET /admin/v1/tokens?q=al*o HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"tokens":[{"id":"$alpha-two_id","serial":5,"losant_id":"$hex3","dynatrace_id":"$public3","name":"alpha-two","description":"","owner":{"name":"tom","uuid":"c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302","number":4,"hex":"5e9f10aa44c0de0011223355"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["things.read"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"operator","modified_by":"operator","secrets":[{"created_at":"$time","expires_at":null}]}],"next_cursor":null}
>>>
GET /admin/v1/tokens?q=second* HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"tokens":[],"next_cursor":null}
>>>
GET /admin/v1/tokens?q=second* HTTP/1.1
Authorization: Bearer $root

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"tokens":[{"id":"$second-root_id","serial":6,"losant_id":"$hex4","dynatrace_id":"$public4","name":"second-root","description":"","owner":{"name":"root","uuid":"1e7a5c90-84bd-4f26-93ca-d05f6b2e8a71","number":1,"hex":"5e9f10aa44c0de0011223366"},"account":{"name":"acme","uuid":"3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"},"scopes":["all.admin"],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"operator","modified_by":"operator","secrets":[{"created_at":"$time","expires_at":null}]}],"next_cursor":null}
>>>
GET /admin/v1/tokens?owner=nobody HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"tokens":[],"next_cursor":null}
>>>
GET /admin/v1/tokens?account=default HTTP/1.1
Authorization: Bearer $root

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"tokens":[],"next_cursor":null}
>>>
POST /admin/v1/tokens HTTP/1.1
Authorization: Bearer $root

{"name": "theirs", "account": "default", "owner": "somebody"}

<<<
HTTP/1.1 201 Created
cache-control: no-store
content-type: application/json
etag: "0"
location: /admin/v1/tokens/$uuid1
x-content-type-options: nosniff

{"id":"$uuid1","serial":7,"losant_id":"$hex5","dynatrace_id":"$public5","name":"theirs","description":"","owner":{"name":"somebody","uuid":"$uuid2","number":3940243496403291,"hex":"$hex6"},"account":{"name":"default","uuid":"$uuid3"},"scopes":[],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"root","modified_by":"root","secrets":[{"created_at":"$time","expires_at":null}],"secret":"$secret1"}
>>>
GET /admin/v1/tokens?account=default HTTP/1.1
Authorization: Bearer $root

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"tokens":[{"id":"$uuid1","serial":7,"losant_id":"$hex5","dynatrace_id":"$public5","name":"theirs","description":"","owner":{"name":"somebody","uuid":"$uuid2","number":3940243496403291,"hex":"$hex6"},"account":{"name":"default","uuid":"$uuid3"},"scopes":[],"plan":"default","status":"enabled","personal":false,"region":"","networks":[],"labels":{},"metadata":{},"form":"tg","created_at":"$time","updated_at":"$time","expires_at":null,"last_used":null,"created_by":"root","modified_by":"root","secrets":[{"created_at":"$time","expires_at":null}]}],"next_cursor":null}
>>>
GET /admin/v1/tokens/$uuid1 HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 404 Not Found
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"urn:tollgate:problem:no-such-token","title":"No such token","status":404,"detail":"There is no such token."}
