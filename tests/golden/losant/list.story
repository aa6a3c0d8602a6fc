# Order, pages, filters and the hypermedia switches.
ADA: all.User owner=mira
READER: only.User.read owner=mira
OTHER: all.User owner=tom
ROOT: all.admin owner=mira
>>>
GET /me/tokens HTTP/1.1
Authorization: Bearer $READER

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":2,"totalCount":2,"items":[{"id":"$hex1","apiTokenId":"$hex1","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"user","creatorName":"operator","name":"ADA","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["all.User"],"_type":"userApiToken","_links":{"self":{"href":"/me/tokens/$hex1"},"userApiTokens":{"href":"/me/tokens"}},"_actions":{"get":{"href":"/me/tokens/$hex1","method":"GET"}}},{"id":"$hex3","apiTokenId":"$hex3","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"user","creatorName":"operator","name":"READER","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["only.User.read"],"_type":"userApiToken","_links":{"self":{"href":"/me/tokens/$hex3"},"userApiTokens":{"href":"/me/tokens"}},"_actions":{"get":{"href":"/me/tokens/$hex3","method":"GET"}}}],"page":0,"perPage":100,"sortField":"name","sortDirection":"asc","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","_type":"userApiTokens","_links":{"self":{"href":"/me/tokens"}},"_actions":{"get":{"href":"/me/tokens","method":"GET"}}}
>>>
GET /me/tokens?_actions=0&_links=0&sortField=name&sortDirection=DESC&page=0&perPage=1 HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":1,"totalCount":2,"items":[{"id":"$hex3","apiTokenId":"$hex3","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"user","creatorName":"operator","name":"READER","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["only.User.read"],"_type":"userApiToken"}],"page":0,"perPage":1,"sortField":"name","sortDirection":"desc","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","_type":"userApiTokens"}
>>>
GET /me/tokens?_actions=0&_links=0&page=1&perPage=1 HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":1,"totalCount":2,"items":[{"id":"$hex3","apiTokenId":"$hex3","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"user","creatorName":"operator","name":"READER","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["only.User.read"],"_type":"userApiToken"}],"page":1,"perPage":1,"sortField":"name","sortDirection":"asc","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","_type":"userApiTokens"}
>>>
GET /me/tokens?_actions=0&_links=0&page=9 HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":0,"totalCount":2,"items":[],"page":9,"perPage":100,"sortField":"name","sortDirection":"asc","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","_type":"userApiTokens"}
>>>
GET /me/tokens?_actions=true&_links=false&_embedded=true&filterField=name&filter=%3FDA HTTP/1.1
Authorization: Bearer $ADA
losantdomain: example.com
Accept-Version: ^1.20.1

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":1,"totalCount":1,"items":[{"id":"$hex1","apiTokenId":"$hex1","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"user","creatorName":"operator","name":"ADA","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["all.User"],"_type":"userApiToken","_actions":{"delete":{"href":"/me/tokens/$hex1","method":"DELETE"},"get":{"href":"/me/tokens/$hex1","method":"GET"},"patch":{"href":"/me/tokens/$hex1","method":"PATCH"}}}],"page":0,"perPage":100,"sortField":"name","sortDirection":"asc","filterField":"name","filter":"?DA","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","_type":"userApiTokens","_actions":{"get":{"href":"/me/tokens","method":"GET"},"post":{"href":"/me/tokens","method":"POST"}}}
>>>
GET /me/tokens?_actions=no&_links=no&filterField=status&filter=in%2A HTTP/1.1
Authorization: Bearer $ADA

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":0,"totalCount":0,"items":[],"page":0,"perPage":100,"sortField":"name","sortDirection":"asc","filterField":"status","filter":"in*","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","_type":"userApiTokens"}
>>>
GET /me/tokens?_actions=no&_links=no&page=&perPage=&sortField=&sortDirection=&filterField=&filter=&other=1 HTTP/1.1
Authorization: Bearer $OTHER

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":1,"totalCount":1,"items":[{"id":"$hex4","apiTokenId":"$hex4","ownerId":"5e9f10aa44c0de0011223355","ownerType":"user","creatorId":"$hex2","creatorType":"user","creatorName":"operator","name":"OTHER","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["all.User"],"_type":"userApiToken"}],"page":0,"perPage":100,"sortField":"name","sortDirection":"asc","ownerId":"5e9f10aa44c0de0011223355","ownerType":"user","_type":"userApiTokens"}
>>>
GET /me/tokens?_actions=no&_links=no&sortField=expirationDate&sortDirection=desc&filterField=name&filter=ROO%2A HTTP/1.1
Authorization: Bearer $ROOT

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":1,"totalCount":1,"items":[{"id":"$hex5","apiTokenId":"$hex5","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"user","creatorName":"operator","name":"ROOT","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["all.admin"],"_type":"userApiToken"}],"page":0,"perPage":100,"sortField":"expirationDate","sortDirection":"desc","filterField":"name","filter":"ROO*","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","_type":"userApiTokens"}
>>>
GET /me/tokens?_actions=no&_links=no HTTP/1.1
Authorization: Bearer $ROOT

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":3,"totalCount":3,"items":[{"id":"$hex1","apiTokenId":"$hex1","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"user","creatorName":"operator","name":"ADA","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["all.User"],"_type":"userApiToken"},{"id":"$hex3","apiTokenId":"$hex3","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"user","creatorName":"operator","name":"READER","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["only.User.read"],"_type":"userApiToken"},{"id":"$hex5","apiTokenId":"$hex5","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","creatorId":"$hex2","creatorType":"user","creatorName":"operator","name":"ROOT","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["all.admin"],"_type":"userApiToken"}],"page":0,"perPage":100,"sortField":"name","sortDirection":"asc","ownerId":"5e9f10aa44c0de0011223344","ownerType":"user","_type":"userApiTokens"}
>>>
GET //me/tokens/?_actions=no&_links=no HTTP/1.1
Authorization: Bearer $OTHER

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
x-content-type-options: nosniff

{"count":1,"totalCount":1,"items":[{"id":"$hex4","apiTokenId":"$hex4","ownerId":"5e9f10aa44c0de0011223355","ownerType":"user","creatorId":"$hex2","creatorType":"user","creatorName":"operator","name":"OTHER","status":"active","creationDate":"$time","lastUpdated":"$time","scope":["all.User"],"_type":"userApiToken"}],"page":0,"perPage":100,"sortField":"name","sortDirection":"asc","ownerId":"5e9f10aa44c0de0011223355","ownerType":"user","_type":"userApiTokens"}
