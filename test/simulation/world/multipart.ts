/** The one file of an upload; undefined when there is none. */
export function uploadedFile(
  contentType: string,
  body: Buffer,
): { readonly filename: string; readonly bytes: Buffer } | 'no multipart' | undefined {
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)"?/.exec(contentType)?.[1]
  if (boundary === undefined) return 'no multipart'
  const delimiter = Buffer.from(`--${boundary}`)
  for (let at = body.indexOf(delimiter); at >= 0; ) {
    const start = at + delimiter.byteLength + 2
    const next = body.indexOf(delimiter, start)
    if (next < 0) return undefined
    const end = body.indexOf('\r\n\r\n', start)
    const filename = /filename="([^"]*)"/i.exec(body.subarray(start, end).toString('utf8'))?.[1]
    // The line break before a delimiter belongs to the delimiter.
    if (end >= 0 && filename !== undefined) return { filename, bytes: body.subarray(end + 4, next - 2) }
    at = next
  }
  return undefined
}
