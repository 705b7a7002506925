/** Why requests should be sent elsewhere, in words of ours that hold no secret: what /readyz?verbose may repeat. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
}
