/** Plays the whole of a sound, or a part of it, and says in every picture which second is heard; null when it ends. */
class Player {
  constructor({ tell, fail }) {
    this.tell = tell;
    this.fail = fail;
    this.turn = 0;
  }

  /** Another sound, as the bytes of its file. */
  load(bytes) {
    this.stop();
    this.bytes = bytes;
    this.sound = null;
  }

  get isPlaying() {
    return Boolean(this.node);
  }

  /** From one second to another of the file. */
  async play(from, to) {
    this.stop();
    this.turn += 1;
    const turn = this.turn;
    try {
      this.context ??= new AudioContext();
      await this.context.resume();
      this.sound ??= await this.context.decodeAudioData(this.bytes.slice().buffer);
    } catch {
      this.fail();
      return;
    }
    if (turn !== this.turn) return; // another was begun meanwhile
    const node = new AudioBufferSourceNode(this.context, { buffer: this.sound });
    node.connect(this.context.destination);
    const began = this.context.currentTime;
    node.start(0, from, Math.max(0.05, to - from));
    node.onended = () => node === this.node && this.stop();
    this.node = node;
    const look = () => {
      if (this.node !== node) return;
      this.tell(Math.min(to, from + this.context.currentTime - began));
      requestAnimationFrame(look);
    };
    look();
  }

  stop() {
    const { node } = this;
    this.node = null;
    this.turn += 1;
    if (!node) return;
    node.onended = null;
    node.stop();
    this.tell(null);
  }
}
